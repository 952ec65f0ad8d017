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
	item := Item{Kind: kind, Name: name}
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

// Name says of items, as far as the index of the site's files tells, which clips they were made of.
func Name(items []Item, index string) {
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
		sum, _, _ := strings.Cut(items[i].Name, "/")
		items[i].Of = bySum[sum]
		slices.Sort(items[i].Of)
	}
}

// Unused returns those of items that none of the clips needs. It prepares clips that lie in the cache, which costs
// nothing, and of the others reads the digest. What looks like the work of a build that is still at it is needed.
func (l *Library) Unused(ctx context.Context, clips []Clip, items []Item) ([]Item, error) {
	l.init()
	needed := map[string]bool{}
	var sums []string
	for i := range clips {
		c := &clips[i]
		if c.Src == "" || isStream(c.Src) {
			continue
		}
		used, err := l.uses(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, name := range used {
			needed[name] = true
		}
		sums = append(sums, path.Dir(used[0]))
	}
	for _, f := range l.Files() {
		if name, err := filepath.Rel(l.Cache, f.Source); err == nil {
			name = filepath.ToSlash(name)
			needed[name], needed[path.Dir(name)] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(items), func(item Item) bool {
		if item.Kind == "work" {
			return time.Since(item.Used) < time.Hour
		}
		return needed[item.Name] || slices.ContainsFunc(sums, func(sum string) bool { return strings.HasPrefix(path.Base(item.Name), sum) })
	}), l.sources.save()
}

// uses are the places in the cache where a clip's stream lies or will lie, and what is finished of it.
func (l *Library) uses(ctx context.Context, c *Clip) ([]string, error) {
	var sums []string
	for _, name := range c.Sources() {
		s, err := l.sources.look(name, nil)
		if err != nil {
			return nil, problemAt(c, name, err)
		}
		sums = append(sums, s.SHA256)
	}
	recipe, err := l.encoder().Recipe(ctx, c.Wish)
	if err != nil {
		return nil, problemAt(c, c.Src, err)
	}
	key := streamKey(sums, recipe)
	used := []string{sums[0] + "/" + key, "parts/" + key}
	st, err := loadStream(l.streamDir(sums, recipe))
	if err != nil {
		return used, nil //nolint:nilerr // it will be made
	}
	if _, err := l.Prepare(ctx, c); err != nil {
		return nil, err
	}
	return append(used, sums[0]+"/"+filepath.Base(st.dir)), nil
}
