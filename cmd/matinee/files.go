package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/site"
	"matinee/internal/theme"
	"matinee/internal/video"
)

// The classes of files that are no pages.
const (
	classAsset  = "asset"  // of the theme: named by content, never changes
	classStream = "stream" // of a clip: named by content, never changes
	classPoster = "poster"
)

// outputFiles lists every file of the built site, what is referred to before what refers to it.
func outputFiles(fsys fs.FS, s *site.Site, look *theme.Theme, library *video.Library) ([]output.File, error) {
	var files []output.File
	_, player := look.Player()
	for _, a := range slices.Concat(look.Assets(), player) {
		files = append(files, dataFile(a.Path, a.Data))
	}
	for _, f := range library.Files() {
		class := classStream
		if strings.HasPrefix(f.Path, "posters/") {
			class = classPoster
		}
		files = append(files, output.File{Path: f.Path, Class: class, Source: f.Source, Size: f.Size, SHA256: f.SHA256})
	}
	copies, err := copiedFiles(fsys, s)
	if err != nil {
		return nil, err
	}
	files = append(files, copies...)
	for _, p := range s.Pages() {
		files = append(files, output.File{Path: p.Path, Class: string(p.Class), Key: p.Key, Write: p.Render})
	}
	return files, nil
}

// menuWarnings tells of menu items that lead nowhere. They may lead to what another program serves there.
func menuWarnings(s *site.Site, files []output.File) []*diag.Problem {
	published := make(map[string]bool, len(files))
	for i := range files {
		published[files[i].Path] = true
	}
	var warnings []*diag.Problem
	for _, item := range site.LostMenuItems(s.Menu, published) {
		warnings = append(warnings, diag.At("site.yaml", 0, "menu item %q leads to %s, which is not part of the site", item.Title, item.Address).
			WithHint("write the address of a page, such as /about/ for content/about.md"))
	}
	return warnings
}

func dataFile(path string, data []byte) output.File {
	sum := sha256.Sum256(data)
	return output.File{Path: path, Class: classAsset, Key: hex.EncodeToString(sum[:]), Write: func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}}
}

// copiedFiles are the author's own: what posts link to and show, and everything in static/.
func copiedFiles(fsys fs.FS, s *site.Site) ([]output.File, error) {
	sources := s.Files()
	err := fs.WalkDir(fsys, "static", func(name string, d fs.DirEntry, err error) error {
		switch {
		case name == "static" && errors.Is(err, fs.ErrNotExist):
			return fs.SkipAll
		case err != nil:
			return diag.At(name, 0, "%v", err)
		case !d.IsDir():
			sources[strings.TrimPrefix(name, "static/")] = name
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var files []output.File
	var errs []error
	for path, source := range sources {
		info, err := fs.Stat(fsys, source)
		if err != nil {
			errs = append(errs, diag.At(source, 0, "%v", err))
			continue
		}
		files = append(files, output.File{
			Path: path, Class: string(site.ClassFile), Key: fmt.Sprint(source, info.Size(), info.ModTime().UnixNano()),
			Write: func(w io.Writer) error { return copyTo(w, fsys, source) },
		})
	}
	slices.SortFunc(files, func(a, b output.File) int { return strings.Compare(a.Path, b.Path) })
	return files, errors.Join(errs...)
}

func copyTo(w io.Writer, fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return diag.At(name, 0, "%v", err)
	}
	defer f.Close() //nolint:errcheck // read only
	_, err = io.Copy(w, f)
	return err
}
