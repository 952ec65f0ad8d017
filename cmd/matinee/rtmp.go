package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/site"
)

// rtmpWarnings are about settings that are valid and will not do what their author hopes for.
func rtmpWarnings(cfg config.Config) []*diag.Problem {
	if cfg.Streaming.Delivery != "rtmp" {
		var unused []*diag.Problem
		for key, value := range map[string]string{"streaming.rtmp": cfg.Streaming.RTMP, "player.flash": cfg.Player.Flash} {
			if value != "" {
				unused = append(unused, diag.At("site.yaml", cfg.Lines.Of(key), "%s is not used with delivery: %s", key, cfg.Streaming.Delivery).
					WithHint("add delivery: rtmp under streaming, or take the line out"))
			}
		}
		diag.Sort(unused)
		return unused
	}
	u, err := url.Parse(cfg.Streaming.RTMP)
	if err != nil {
		return nil // an error that config.Load returned
	}
	if host := strings.ToLower(u.Hostname()); strings.HasSuffix("."+host, ".cloudfront.net") {
		return []*diag.Problem{diag.At("site.yaml", cfg.Lines.Of("streaming.rtmp"), "streaming.rtmp: CloudFront ended RTMP on 31 December 2020, so nothing will play from %s", host).
			WithHint("name a server that still speaks RTMP, such as nginx with its RTMP module, or use delivery: hls, which CloudFront serves")}
	}
	return nil
}

// The SWF files of Flowplayer 3 as it was distributed: "flowplayer-3.2.18.swf", "flowplayer.rtmp-3.2.13.swf".
var (
	flashPlayer = regexp.MustCompile(`^flowplayer(\.commercial)?(-.*)?\.swf$`)
	flashPlugin = regexp.MustCompile(`^flowplayer\.rtmp(-.*)?\.swf$`)
)

// rtmpInfo is what pages say of the RTMP server. The files are those of the folder player.flash, which the pages name.
func rtmpInfo(fsys fs.FS, cfg config.Config) (site.RTMP, []output.File, error) {
	if cfg.Streaming.Delivery != "rtmp" {
		return site.RTMP{}, nil, nil
	}
	info := site.RTMP{Server: cfg.Streaming.RTMP}
	if cfg.Player.Flash == "" {
		return info, nil, nil
	}
	wrong := func(format string, args ...any) *diag.Problem {
		return diag.At("site.yaml", cfg.Lines.Of("player.flash"), "player.flash: "+format, args...)
	}
	dir := path.Clean(cfg.Player.Flash)
	if !fs.ValidPath(dir) {
		return info, nil, wrong("want a folder of the site, such as flash, got %q", cfg.Player.Flash)
	}
	contents, err := readFiles(fsys, dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return info, nil, wrong("there is no folder %s", dir).WithHint("put the SWF files of Flowplayer 3 there; Matinee has none of its own")
	case err != nil:
		return info, nil, wrong("%v", err)
	}
	hash := sha256.New()
	var players, plugins []string
	for _, f := range contents {
		fmt.Fprintf(hash, "%q %d\n", f.name, len(f.data))
		hash.Write(f.data)
		switch {
		case flashPlugin.MatchString(f.name):
			plugins = append(plugins, f.name)
		case flashPlayer.MatchString(f.name):
			players = append(players, f.name)
		}
	}
	if len(players) != 1 || len(plugins) != 1 {
		return info, nil, wrong("want one player and one RTMP plugin in %s, got %s and %s", dir, listed(players), listed(plugins)).
			WithHint("they are called as Flowplayer 3 called them: flowplayer-3.2.18.swf and flowplayer.rtmp-3.2.13.swf")
	}
	home := "assets/flash-" + hex.EncodeToString(hash.Sum(nil)[:4]) + "/"
	info.Player, info.Plugin = home+players[0], plugins[0]
	var files []output.File
	for _, f := range contents {
		files = append(files, dataFile(home+f.name, f.data))
	}
	return info, files, nil
}

func listed(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }

type namedData struct {
	name string
	data []byte
}

// readFiles reads the files of a folder that are not hidden, in order of name.
func readFiles(fsys fs.FS, dir string) ([]namedData, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var files []namedData
	for _, entry := range entries {
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		data, err := fs.ReadFile(fsys, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, namedData{entry.Name(), data})
	}
	return files, nil
}
