package video

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Item is something that lies in a cache and can be removed without harm but to the time of the next build.
type Item struct {
	Kind  string    // "stream", "parts" of one in the making, "images", "text", or "work" that was broken off
	Name  string    // slash-separated path below the cache
	Files int       //
	Size  int64     // bytes
	Used  time.Time // when it was last of use, to the day; of some kinds when it was made
	Of    []string  // the clips of the site it was made of, where that is known

	source string // digest of the file it was made of; "" when it does not say
}

// Inventory lists what lies in a cache, by kind and name. A cache that is not there is empty.
func Inventory(cache string) ([]Item, error) {
	var items []Item
	top, err := readDir(cache)
	if err != nil {
		return nil, err
	}
	for _, e := range top {
		kind, depth := kindOf(e)
		if kind == "" {
			continue
		}
		names := []string{e.Name()}
		for range depth {
			if names, err = below(cache, names); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			item, err := measure(cache, kind, name)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Kind+" "+a.Name, b.Kind+" "+b.Name) })
	return items, nil
}

// kindOf says what lies in a folder of the cache, and how far below it the items are.
func kindOf(e fs.DirEntry) (kind string, depth int) {
	switch name := e.Name(); {
	case !e.IsDir():
		return "", 0
	case isKey(name):
		return "stream", 1
	case name == "parts":
		return "parts", 1
	case name == "images":
		return "images", 1
	case name == "blobs":
		return "text", 2
	case name == "inside", name == "transcribed":
		return "text", 1
	case name == "tmp":
		return "work", 1
	}
	return "", 0
}

// readDir lists a folder; one that is not there, or goes meanwhile, is empty.
func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return entries, cacheError("read "+dir, err)
}

// below lists what lies in some folders.
func below(cache string, names []string) ([]string, error) {
	var list []string
	for _, name := range names {
		entries, err := readDir(filepath.Join(cache, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			list = append(list, path.Join(name, e.Name()))
		}
	}
	return list, nil
}

// measure adds an item up.
func measure(cache, kind, name string) (Item, error) {
	item := Item{Kind: kind, Name: name, source: sourceOf(cache, name)}
	err := filepath.WalkDir(filepath.Join(cache, filepath.FromSlash(name)), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		item.Files++
		item.Size += info.Size()
		if info.ModTime().After(item.Used) {
			item.Used = info.ModTime()
		}
		return nil
	})
	return item, cacheError("read "+name, err)
}

// sourceOf is the digest of the file that the item of a name was made of, "" when it does not say.
func sourceOf(cache, name string) string {
	first, rest, _ := strings.Cut(name, "/")
	switch {
	case isKey(first):
		return first
	case first == "images":
		if a, err := loadAlbum(filepath.Join(cache, filepath.FromSlash(name))); err == nil {
			return a.Of
		}
	case (first == "inside" || first == "transcribed") && len(rest) > hexDigest && isKey(rest[:hexDigest]):
		return rest[:hexDigest]
	}
	return ""
}

func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// Remove removes items from a cache, and returns how many bytes that were. A stream disappears at once: it is moved to
// where work in progress lies first.
func Remove(cache string, items []Item) (int64, error) {
	var freed int64
	for _, item := range items {
		at := filepath.Join(cache, filepath.FromSlash(item.Name))
		if item.Kind != "work" {
			gone := filepath.Join(cache, "tmp", "gone-"+path.Base(item.Name))
			if os.MkdirAll(filepath.Dir(gone), 0o755) == nil && os.Rename(at, gone) == nil {
				at = gone
			}
		}
		if err := os.RemoveAll(at); err != nil {
			return freed, cacheError("remove "+item.Name, err)
		}
		freed += item.Size
		_ = os.Remove(filepath.Dir(filepath.Join(cache, filepath.FromSlash(item.Name)))) // if it is empty now
	}
	return freed, nil
}

// NameClips says of items, as far as the index of the site's files tells, which clips they were made of.
func NameClips(items []Item, index string) {
	data, err := os.ReadFile(index)
	if err != nil {
		return // no build has been here
	}
	var known map[string]source
	if json.Unmarshal(data, &known) != nil {
		return
	}
	bySum := map[string][]string{}
	for name, s := range known {
		bySum[s.SHA256] = append(bySum[s.SHA256], name)
	}
	for i := range items {
		items[i].Of = bySum[items[i].source]
		slices.Sort(items[i].Of)
	}
}

// Unused returns those of items that were made of no file the clips need, whatever they were made with, and the clips
// that are not built: whose streams do not lie in the cache, as they would be made now. While there are such clips, all
// that does not say what it was made of is needed. So is what looks like the work of a build that is still at it.
//
// It prepares clips that lie in the cache, which costs nothing, and of the others reads the digest.
func (l *Library) Unused(ctx context.Context, clips []Clip, items []Item) (unused []Item, unbuilt []Clip, err error) {
	l.init()
	for i := range clips {
		built, err := l.prepareBuilt(ctx, &clips[i])
		if err != nil {
			return nil, nil, err
		}
		if !built {
			unbuilt = append(unbuilt, clips[i])
		}
	}
	used := l.sources.used()
	needed := l.cachedFiles(used)
	unused = slices.DeleteFunc(slices.Clone(items), func(item Item) bool {
		switch {
		case item.Kind == "work":
			return time.Since(item.Used) < time.Hour
		case item.source != "":
			return used[item.source]
		}
		return len(unbuilt) > 0 || needed[item.Name]
	})
	return unused, unbuilt, l.sources.save()
}

// prepareBuilt prepares a clip that is built. Of another it looks at the files.
func (l *Library) prepareBuilt(ctx context.Context, c *Clip) (built bool, err error) {
	switch {
	case c.Src == "":
		return true, nil // it has been told
	case !isStream(c.Src):
		sums, recipe, err := l.identify(ctx, c)
		if err != nil {
			return false, problemAt(c, c.Src, err)
		}
		if _, err := loadStream(l.streamDir(sums, recipe)); err == nil {
			break
		}
		if name := l.pictureFile(c); name != "" { // of which pictures may have been made all the same
			if _, err := l.sources.look(name, checkPicture); err != nil {
				return false, problemAt(c, name, err)
			}
		}
		return false, nil
	}
	_, err = l.Prepare(ctx, c)
	return err == nil, err
}

// cachedFiles are the names of items that hold files of clips that were prepared, and what was found inside the files
// of some digests.
func (l *Library) cachedFiles(used map[string]bool) map[string]bool {
	names := map[string]bool{}
	add := func(file string) {
		if name, err := filepath.Rel(l.Cache, file); err == nil {
			name = filepath.ToSlash(name)
			names[name], names[path.Dir(name)] = true, true
		}
	}
	for _, f := range l.Files() {
		add(f.Source)
	}
	for sum := range used {
		found, err := loadExtras(l.extrasFile(sum), l.blobs)
		if err != nil {
			continue // there is none
		}
		for _, s := range found.Subtitles {
			add(l.blobs.path(s.Blob, ".vtt"))
		}
	}
	return names
}
