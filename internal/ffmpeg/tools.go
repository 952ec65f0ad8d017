package ffmpeg

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tools is what one ffmpeg can do. Asking takes four runs of it, so the answer is kept beside the clips, for as long as
// the program's path, size and time stay the same.
type tools struct {
	Path    string   `json:"path"`
	Size    int64    `json:"size"`
	ModTime int64    `json:"mtime"` // nanoseconds since 1970
	Version string   `json:"version"`
	Asked   []string `json:"asked"` // names of encoders, decoders and filters
	Has     []string `json:"has"`   // of these
}

// The encoders, decoders and filters that matter, by FFmpeg's names: each changes what is made of some clips.
var (
	forStreams  = []string{"aac", "bwdif", "libsvtav1", "libvpx", "libvpx-vp9", "libx264", "loudnorm", "tonemap", "zscale"}
	forPictures = []string{"libaom-av1", "libsvtav1", "libwebp", "libx264"}
)

// questions are which of them are asked for with which option. Some are names of two things.
var questions = []struct {
	list  string
	names []string
}{
	{"-encoders", []string{"aac", "libaom-av1", "libsvtav1", "libwebp", "libx264"}},
	{"-decoders", []string{"libvpx", "libvpx-vp9"}},
	{"-filters", []string{"bwdif", "loudnorm", "tonemap", "zscale"}},
}

// toolsName is the file, in the cache, in which tools are kept.
const toolsName = "ffmpeg.json"

// has tells whether ffmpeg has all of some encoders, decoders or filters.
func (t tools) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(t.Has, n) })
}

// answers tells whether t, as it was remembered, answers all questions.
func (t tools) answers() bool {
	var names []string
	for _, q := range questions {
		names = append(names, q.names...)
	}
	return t.Version != "" && slices.Equal(t.Asked, names)
}

// id says in one line what about the program decides a result for which some names matter: its release, not the build of
// it, so that a security update does not have every clip encoded again, and which of the names it has.
func (t tools) id(names []string) string {
	words := []string{t.Version}
	for _, n := range names {
		if t.has(n) {
			words = append(words, n)
		}
	}
	return strings.Join(words, " ")
}

// recall returns what the ffmpeg on this machine can do, as it is remembered in the folder cache or as it says itself.
func (c CLI) recall(ctx context.Context, cache string) (tools, error) {
	path, err := lookup("ffmpeg", c.FFmpeg)
	if err != nil {
		return tools{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return tools{}, fmt.Errorf("ffmpeg: %w", err)
	}
	known := tools{}
	file := filepath.Join(cache, toolsName)
	if data, err := os.ReadFile(file); err == nil && json.Unmarshal(data, &known) == nil &&
		known.Path == path && known.Size == info.Size() && known.ModTime == info.ModTime().UnixNano() && known.answers() {
		return known, nil
	}
	known, err = c.interview(ctx)
	if err != nil {
		return tools{}, err
	}
	known.Path, known.Size, known.ModTime = path, info.Size(), info.ModTime().UnixNano()
	remember(file, known)
	return known, nil
}

// remember writes tools down. Where that fails they are asked for again next time; what cannot be written to for longer
// than this will be told by whoever stores a clip.
func remember(file string, t tools) {
	data, err := json.MarshalIndent(t, "", " ")
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".tmp-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if errors.Join(err, f.Close(), os.Rename(f.Name(), file)) != nil {
		_ = os.Remove(f.Name())
	}
}

// oldest is the release of ffmpeg from which on it understands what we tell it.
var oldest = [2]int{5, 1}

// interview asks ffmpeg for its version and what it can do.
func (c CLI) interview(ctx context.Context) (tools, error) {
	var t tools
	out, err := c.run(ctx, "ffmpeg", c.FFmpeg, "-hide_banner", "-version")
	if err != nil {
		return t, err
	}
	t.Version = version(string(out))
	if err := recent(t.Version); err != nil {
		return t, err
	}
	for _, q := range questions {
		t.Asked = append(t.Asked, q.names...)
		out, err := c.run(ctx, "ffmpeg", c.FFmpeg, "-hide_banner", q.list)
		if err != nil {
			return t, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 1 && slices.Contains(q.names, fields[1]) {
				t.Has = append(t.Has, fields[1])
			}
		}
	}
	return t, nil
}

// release is what a version begins with: "5.1" of "5.1.9-0+deb12u1" and "n7.1".
var release = regexp.MustCompile(`^n?(\d+)\.(\d+)`)

// version is the release in the first line of ffmpeg -version, or the whole word of a build between releases.
func version(text string) string {
	fields := strings.Fields(strings.TrimPrefix(text, "ffmpeg version "))
	if len(fields) == 0 {
		return "unknown"
	}
	if m := release.FindStringSubmatch(fields[0]); m != nil {
		return m[1] + "." + m[2]
	}
	return printable(fields[0])
}

// recent refuses versions that do not understand what we tell them. Builds between releases are taken to be new.
func recent(version string) error {
	m := release.FindStringSubmatch(version)
	if m == nil {
		return nil
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	if major > oldest[0] || major == oldest[0] && minor >= oldest[1] {
		return nil
	}
	return fmt.Errorf("ffmpeg: %w: version %s, and %d.%d or later is needed", ErrOld, version, oldest[0], oldest[1])
}
