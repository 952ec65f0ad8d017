package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"matinee/internal/bucket"
	"matinee/internal/diag"
	"matinee/internal/video"
)

// remoteFile is where a build says which files of the site lie in the bucket for streams already. It lies beside the
// manifest, and is written before it: what the manifest's pages need is always there.
func remoteFile(flags buildFlags) string {
	return strings.TrimSuffix(outputFolder(flags).Manifest, ".json") + "-remote.json"
}

// writeRemote writes the list of a build, when it differs from that of the last one.
func writeRemote(flags buildFlags, files []video.RemoteFile) error {
	name := remoteFile(flags)
	if len(files) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.MarshalIndent(files, "", " ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && string(old) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name+".tmp", data, 0o644); err != nil { //nolint:gosec // no secret
		return err
	}
	return os.Rename(name+".tmp", name)
}

// readRemote reads what writeRemote wrote.
func readRemote(flags buildFlags) ([]video.RemoteFile, error) {
	data, err := os.ReadFile(remoteFile(flags))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []video.RemoteFile
	if err == nil {
		err = json.Unmarshal(data, &files)
	}
	for i := 0; err == nil && i < len(files); i++ {
		if !fs.ValidPath(files[i].Path) || !strings.HasPrefix(files[i].Path, "stream/") {
			err = fmt.Errorf("%q is no path of a stream", files[i].Path)
		}
	}
	if err != nil {
		return nil, diag.At(filepath.ToSlash(remoteFile(flags)), 0, "the list of streams elsewhere cannot be read: %v", err).
			WithHint("build again")
	}
	return files, nil
}

// remoteObjects are the files that lie in the bucket for streams, as a site is published there: needed, and neither sent
// nor deleted. A site that goes somewhere else does not have them, and needs them no less at streamURL.
func remoteObjects(files []video.RemoteFile, to *bucket.Publisher, streamURL string) []bucket.Object {
	side := bucket.Stream
	if to.Stream.Store == nil {
		side = bucket.Site
	}
	if side == bucket.Site && streamURL != "" {
		return nil
	}
	objects := make([]bucket.Object, len(files))
	for i, f := range files {
		objects[i] = bucket.Object{Key: f.Path, Side: side, Size: f.Size, Immutable: true, Remote: true}
	}
	return objects
}

// exceptRemote leaves out of what pages need that which is served from elsewhere.
func exceptRemote(need func(bucket.Object) ([]bucket.Ref, error), files []video.RemoteFile) func(bucket.Object) ([]bucket.Ref, error) {
	elsewhere := map[string]bool{}
	for _, f := range files {
		elsewhere[f.Path] = true
	}
	return func(o bucket.Object) ([]bucket.Ref, error) {
		found, err := need(o)
		var rest []bucket.Ref
		for _, ref := range found {
			if !elsewhere[ref.Key] {
				rest = append(rest, ref)
			}
		}
		return rest, err
	}
}
