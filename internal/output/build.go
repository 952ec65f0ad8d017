package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// A build is one Sync under way.
type build struct {
	folder Folder
	disk   disk
	files  []File

	ours      map[string]Entry // files of earlier builds by path: the manifest's, and what a journal proves to be ours
	recovered []Entry          // those of ours that no manifest names yet
	wanted    map[string]bool  // folded paths of the list
	wantedDir map[string]bool  // folded folders of the list

	outcomes []outcome       // by index of files
	leftover []leftover      // of ours, to be removed, sorted by path
	inTheWay map[string]bool // those of leftover that must go before files are put in place, by folded path
	kept     []string

	rendered, read atomic.Int64
}

// A leftover is a file of an earlier build that is no longer in the list.
type leftover struct {
	Entry
	gone bool // already; its folders may still be there, when a build died in between
}

// An outcome is what becomes of one file of the list.
type outcome struct {
	entry  Entry
	staged string // finished file in the staging folder; "" when the one in place stays
	linked bool   // staged is a hard link
}

func (b *build) stagingDir() string       { return b.folder.Manifest + ".staging" }
func (b *build) journal() string          { return b.folder.Manifest + ".journal" }
func (b *build) inPlace(p string) string  { return filepath.Join(b.folder.Dir, filepath.FromSlash(p)) }
func (b *build) besides(p string) string  { return besides(b.folder.Dir, p) }
func (b *build) shown(path string) string { return filepath.ToSlash(b.inPlace(path)) }

// load reads the manifest and what a build that died left behind.
func (b *build) load() error {
	if err := b.disk.removeAll(b.stagingDir()); err != nil {
		return writeError("remove", b.stagingDir(), err)
	}
	entries, err := ReadManifest(b.folder.Manifest)
	if err != nil {
		return err
	}
	b.ours = make(map[string]Entry, len(entries))
	for _, e := range entries {
		b.ours[e.Path] = e
	}
	journal, err := ReadManifest(b.journal())
	if err != nil {
		return err
	}
	for _, e := range journal {
		if err := b.recover(e); err != nil {
			return writeError("recover", b.inPlace(e.Path), err)
		}
	}
	return nil
}

// recover makes a file ours that the last build announced: one that got into place, one that is missing (its folder
// may have got there), and an empty one, which is what a power failure makes of a new file.
func (b *build) recover(e Entry) error {
	if err := b.disk.remove(b.besides(e.Path)); err != nil {
		return err
	}
	name := b.inPlace(e.Path)
	fi, err := os.Lstat(name)
	switch {
	case isMissing(err):
		if _, known := b.ours[e.Path]; known {
			return nil
		}
	case err != nil || !fi.Mode().IsRegular():
		return err
	case fi.Size() == e.Size:
		b.read.Add(1)
		sum, err := hashFile(name)
		if err != nil || sum != e.SHA256 {
			return err
		}
		e.ModTime = fi.ModTime().UnixNano()
	case fi.Size() != 0:
		return nil
	}
	b.ours[e.Path] = e
	b.recovered = append(b.recovered, e)
	return nil
}

// stage decides what becomes of every file and renders those that have to change, without touching the folder.
func (b *build) stage(ctx context.Context) error {
	b.wanted = make(map[string]bool, len(b.files))
	b.wantedDir = make(map[string]bool)
	for i := range b.files {
		folded := fold(b.files[i].Path)
		b.wanted[folded] = true
		for dir := parent(folded); dir != "" && !b.wantedDir[dir]; dir = parent(dir) {
			b.wantedDir[dir] = true
		}
	}
	if err := b.findLeftovers(); err != nil {
		return err
	}
	b.outcomes = make([]outcome, len(b.files))
	var inTheWay conflicts
	err := forEach(ctx, len(b.files), func(i int) error { return b.decide(ctx, i, &inTheWay) })
	return errors.Join(err, inTheWay.err())
}

// findLeftovers sorts the files of earlier builds that are no longer in the list into those to remove, first or last,
// and those that were edited.
func (b *build) findLeftovers() error {
	listed := make(map[string]bool, len(b.files))
	for i := range b.files {
		listed[b.files[i].Path] = true
	}
	b.inTheWay = make(map[string]bool)
	for path, e := range b.ours {
		if listed[path] {
			continue
		}
		fi, err := os.Lstat(b.inPlace(path))
		if err != nil && !isMissing(err) {
			return writeError("find", b.inPlace(path), err)
		}
		if err == nil && !b.isAsWritten(e, fi) {
			b.kept = append(b.kept, path)
			continue
		}
		b.leftover = append(b.leftover, leftover{e, err != nil})
		if folded := fold(path); b.isWantedElse(folded) {
			b.inTheWay[folded] = true
		}
	}
	slices.Sort(b.kept)
	slices.SortFunc(b.leftover, func(a, b leftover) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// isWantedElse reports whether the list needs the place of a leftover for something else: a file whose name differs
// in case, a folder, or a file where the leftover's folder is.
func (b *build) isWantedElse(folded string) bool {
	if b.wanted[folded] || b.wantedDir[folded] {
		return true
	}
	for dir := parent(folded); dir != ""; dir = parent(dir) {
		if b.wanted[dir] {
			return true
		}
	}
	return false
}

// isAsWritten reports whether a file has the content its entry records. It is read only when its time differs.
func (b *build) isAsWritten(e Entry, fi fs.FileInfo) bool {
	if !fi.Mode().IsRegular() || fi.Size() != e.Size {
		return fi.Mode().IsRegular() && fi.Size() == 0 // see recover
	}
	if fi.ModTime().UnixNano() == e.ModTime {
		return true
	}
	b.read.Add(1)
	sum, err := hashFile(b.inPlace(e.Path))
	return err == nil && sum == e.SHA256
}

// decide fills in b.outcomes[i].
func (b *build) decide(ctx context.Context, i int, inTheWay *conflicts) error {
	f, out := &b.files[i], &b.outcomes[i]
	name := b.inPlace(f.Path)
	fi, err := os.Lstat(name)
	if err != nil && !isMissing(err) {
		return writeError("find", name, err)
	}
	if err == nil && b.goesFirst(f.Path, fi) {
		fi = nil
	}
	known, isOurs := b.ours[f.Path]
	intact := isOurs && fi != nil && fi.Mode().IsRegular() && fi.Size() == known.Size &&
		fi.ModTime().UnixNano() == known.ModTime
	out.entry = Entry{Path: f.Path, Class: f.Class, Key: f.Key, Size: f.Size, SHA256: f.SHA256}
	if intact && (f.Write != nil && f.Key != "" && f.Key == known.Key || f.Source != "" && f.SHA256 == known.SHA256) {
		out.keep(known.Size, known.SHA256, known.ModTime)
		return nil
	}

	var content stagedFile
	if f.Write != nil {
		content = stagedFile{disk: b.disk, name: b.stagedName(i), shown: name}
		b.rendered.Add(1)
		if err := content.render(f.Write); err != nil {
			return err
		}
		out.entry.Size, out.entry.SHA256 = content.size, content.sum()
	}
	same := intact && known.SHA256 == out.entry.SHA256
	if !intact && fi != nil && fi.Mode().IsRegular() && fi.Size() == out.entry.Size {
		b.read.Add(1)
		sum, err := hashFile(name)
		if err != nil {
			return writeError("read", name, err)
		}
		same = sum == out.entry.SHA256
	}
	if same {
		out.keep(out.entry.Size, out.entry.SHA256, fi.ModTime().UnixNano())
		return nil
	}
	if !isOurs || fi == nil || fi.IsDir() {
		if other, blocked := b.someoneElses(f.Path, fi); blocked {
			inTheWay.add(b.shown(other))
			return nil
		}
	}
	out.staged = b.stagedName(i)
	if f.Write != nil {
		return content.finish()
	}
	return b.stageSource(ctx, f, out)
}

func (o *outcome) keep(size int64, sum string, modTime int64) {
	o.entry.Size, o.entry.SHA256, o.entry.ModTime = size, sum, modTime
}

func (b *build) stagedName(i int) string {
	return filepath.Join(b.stagingDir(), fmt.Sprint(i))
}

// goesFirst reports whether what is found under a wanted name is a leftover that will have been removed by then: on
// a file system that ignores case, "a.html" finds the "A.html" of an earlier build.
func (b *build) goesFirst(path string, fi fs.FileInfo) bool {
	if _, isOurs := b.ours[path]; isOurs {
		return false
	}
	if !b.inTheWay[fold(path)] {
		return false
	}
	for _, e := range b.leftover {
		if e.Path == path || fold(e.Path) != fold(path) {
			continue
		}
		other, err := os.Lstat(b.inPlace(e.Path))
		if err == nil && os.SameFile(fi, other) {
			return true
		}
	}
	return false
}

// someoneElses returns the file that stands where path is to go (or where one of its folders is to go) and is not
// ours to replace. What stands at path itself is fi, nil for nothing.
func (b *build) someoneElses(path string, fi fs.FileInfo) (other string, blocked bool) {
	if fi != nil && !fi.IsDir() {
		return path, true
	}
	if fi != nil {
		return b.foreignIn(path)
	}
	for dir := parent(path); dir != ""; dir = parent(dir) {
		fi, err := os.Stat(b.inPlace(dir)) // a link to a folder elsewhere is as good as a folder
		if err != nil {
			continue
		}
		if fi.IsDir() {
			return "", false
		}
		return dir, !b.inTheWay[fold(dir)]
	}
	return "", false
}

// foreignIn returns a file in a folder that is not a leftover, or the folder itself when it has no leftover either.
func (b *build) foreignIn(dir string) (other string, found bool) {
	err := filepath.WalkDir(b.inPlace(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(b.folder.Dir, name)
		if err != nil {
			return err
		}
		path := filepath.ToSlash(relative)
		if !b.inTheWay[fold(path)] {
			other, found = path, true
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return dir, true
	}
	if !found {
		return dir, !slices.ContainsFunc(b.leftover, func(l leftover) bool { return strings.HasPrefix(l.Path, dir+"/") })
	}
	return other, found
}

// stageSource links a finished file into the staging folder, or copies it where links are not to be had.
func (b *build) stageSource(ctx context.Context, f *File, out *outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fi, err := os.Stat(f.Source)
	if err == nil && fi.Size() != f.Size {
		err = fmt.Errorf("it has %d bytes instead of %d", fi.Size(), f.Size)
	}
	if err != nil {
		return writeError("use", f.Source, err)
	}
	if err := b.disk.mkdirAll(b.stagingDir()); err != nil {
		return writeError("create", b.stagingDir(), err)
	}
	if b.disk.link(f.Source, out.staged) == nil {
		out.linked = true
		return nil
	}
	b.read.Add(1)
	if err := b.disk.copyFile(f.Source, out.staged); err != nil {
		return writeError("write", b.inPlace(f.Path), err)
	}
	return nil
}

// commit changes the folder and then writes the manifest.
func (b *build) commit() error {
	if err := b.announce(); err != nil {
		return err
	}
	first, last := b.removals()
	if err := b.removeFiles(first); err != nil {
		return err
	}
	for i := range b.outcomes {
		if err := b.put(&b.outcomes[i]); err != nil {
			return err
		}
	}
	if err := b.removeFiles(last); err != nil {
		return err
	}
	if err := b.writeManifest(); err != nil {
		return err
	}
	if err := b.disk.remove(b.journal()); err != nil {
		return writeError("remove", b.journal(), err)
	}
	return nil
}

// announce writes the journal: what is about to be put in place, and what an earlier journal had announced.
func (b *build) announce() error {
	entries := slices.Clone(b.recovered)
	count := len(entries)
	for i := range b.outcomes {
		if b.outcomes[i].staged != "" {
			entries = append(entries, b.outcomes[i].entry)
		}
	}
	if len(entries) == count {
		return nil
	}
	if err := b.disk.writeFile(b.journal(), marshalManifest(entries)); err != nil {
		return writeError("write", b.journal(), err)
	}
	return nil
}

// removals divides the leftovers into those in the way of what is put in place and the others.
func (b *build) removals() (first, last []leftover) {
	for _, e := range b.leftover {
		if b.inTheWay[fold(e.Path)] {
			first = append(first, e)
		} else {
			last = append(last, e)
		}
	}
	return first, last
}

// removeFiles removes files of ours and the folders that become empty.
func (b *build) removeFiles(leftovers []leftover) error {
	for _, e := range leftovers {
		if err := b.disk.remove(b.inPlace(e.Path)); err != nil {
			return writeError("remove", b.inPlace(e.Path), err)
		}
	}
	for _, e := range slices.Backward(leftovers) {
		for dir := parent(e.Path); dir != "" && b.removeEmpty(dir); dir = parent(dir) {
			continue
		}
	}
	return nil
}

// removeEmpty removes a folder if it is empty. A link to a folder elsewhere was made by someone, and stays.
func (b *build) removeEmpty(dir string) bool {
	name := b.inPlace(dir)
	fi, err := os.Lstat(name)
	if isMissing(err) {
		return true
	}
	return err == nil && fi.IsDir() && b.disk.remove(name) == nil
}

// put renames a staged file into place.
func (b *build) put(o *outcome) error {
	if o.staged == "" {
		return nil
	}
	name := b.inPlace(o.entry.Path)
	if err := b.disk.mkdirAll(filepath.Dir(name)); err != nil {
		return writeError("create", filepath.Dir(name), err)
	}
	err := b.disk.rename(o.staged, name)
	if errors.Is(err, errCrossDevice) {
		b.read.Add(1)
		o.linked = false
		err = b.disk.moveAcross(o.staged, name, b.besides(o.entry.Path))
	}
	if err != nil {
		return writeError("write", name, err)
	}
	fi, err := os.Lstat(name)
	if err != nil {
		return writeError("find", name, err)
	}
	o.entry.ModTime = fi.ModTime().UnixNano()
	return nil
}

// writeManifest commits the build, unless the manifest already says the same.
func (b *build) writeManifest() error {
	entries := make([]Entry, len(b.outcomes))
	for i := range b.outcomes {
		entries[i] = b.outcomes[i].entry
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	data := marshalManifest(entries)
	if old, err := os.ReadFile(b.folder.Manifest); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := b.disk.writeFile(b.folder.Manifest, data); err != nil {
		return writeError("write", b.folder.Manifest, err)
	}
	return nil
}

func (b *build) result() Result {
	r := Result{Kept: b.kept, Rendered: int(b.rendered.Load()), Read: int(b.read.Load())}
	for i := range b.outcomes {
		o := &b.outcomes[i]
		switch {
		case o.staged == "":
			r.Unchanged.add(o.entry.Size)
		case o.linked:
			r.Linked.add(o.entry.Size)
		default:
			r.Written.add(o.entry.Size)
		}
	}
	for _, e := range b.leftover {
		if !e.gone {
			r.Removed.add(e.Size)
		}
	}
	return r
}
