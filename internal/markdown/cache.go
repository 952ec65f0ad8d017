package markdown

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// A Cache keeps Documents from one build to the next, so that a text is rendered again only when it has changed. It may be
// used by several goroutines, and two builds may share a folder: the one that saves last has its way, and the other's
// texts are rendered once more. What cannot be read is taken for empty.
type Cache struct {
	dir      string
	program  string
	rendered atomic.Int64
	parts    [64]part // by the first bits of a key: with one text changed, one file is written
}

type cacheKey [sha256.Size]byte

// A part is one file of a Cache.
type part struct {
	sync.Mutex

	isRead bool
	kept   map[cacheKey]*Document // read from the file
	used   map[cacheKey]*Document // asked for in this build
	fresh  bool                   // some of these are not in the file
}

// NewCache is a Cache in a folder, which need not exist. Another program may render another way, so each sees only what it
// has rendered itself.
func NewCache(dir, program string) *Cache { return &Cache{dir: dir, program: program} }

// Rendered is how many texts were rendered because they were not known.
func (c *Cache) Rendered() int { return int(c.rendered.Load()) }

// key is the digest of everything a Document depends on but the program.
func (c *Cache) key(r *Renderer, file string, line int, src []byte) cacheKey {
	hash := sha256.New()
	fmt.Fprintf(hash, "%t %q %d\n", r.HTML, file, line)
	hash.Write(src)
	return cacheKey(hash.Sum(nil))
}

// get is the Document of a text, made by render when it is not known. Texts with problems are not remembered.
func (c *Cache) get(key cacheKey, render func() (*Document, error)) (*Document, error) {
	i := int(key[0]) % len(c.parts)
	p := &c.parts[i]
	if doc := c.find(i, key); doc != nil {
		return doc, nil
	}
	c.rendered.Add(1)
	doc, err := render()
	if err == nil {
		p.Lock()
		p.used[key], p.fresh = doc, true
		p.Unlock()
	}
	return doc, err
}

func (c *Cache) file(part int) string { return filepath.Join(c.dir, fmt.Sprintf("%02x.gob", part)) }

func (c *Cache) find(i int, key cacheKey) *Document {
	p := &c.parts[i]
	p.Lock()
	defer p.Unlock()
	if !p.isRead {
		p.isRead, p.used = true, map[cacheKey]*Document{}
		p.kept, _ = c.read(i)
	}
	doc := p.kept[key]
	if doc == nil {
		doc = p.used[key]
	}
	if doc != nil {
		p.used[key] = doc
	}
	return doc
}

// sum is the digest that a file begins with, of the program and the rest of it.
func (c *Cache) sum(data []byte) cacheKey {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", c.program)
	hash.Write(data)
	return cacheKey(hash.Sum(nil))
}

// read reads a file. One of another program is as good as none, and is not decoded.
func (c *Cache) read(i int) (map[cacheKey]*Document, error) {
	data, err := os.ReadFile(c.file(i)) // of the site
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size || c.sum(data[sha256.Size:]) != cacheKey(data[:sha256.Size]) {
		return nil, errors.New("damaged, or of another program")
	}
	var known map[cacheKey]*Document
	err = gob.NewDecoder(bytes.NewReader(data[sha256.Size:])).Decode(&known)
	return known, err
}

// Save writes the files that something is new in, and those in which most is no longer asked for. What was not asked for
// since the Cache was made is left out of them.
func (c *Cache) Save() error {
	for i := range c.parts {
		if err := c.save(i); err != nil {
			return fmt.Errorf("keep rendered texts: %w", err)
		}
	}
	return nil
}

func (c *Cache) save(i int) error {
	p, file := &c.parts[i], c.file(i)
	p.Lock()
	defer p.Unlock()
	if !p.fresh && len(p.kept) <= 2*len(p.used) {
		return nil
	}
	data := bytes.NewBuffer(make([]byte, sha256.Size))
	if err := gob.NewEncoder(data).Encode(p.used); err != nil {
		return err
	}
	sum := c.sum(data.Bytes()[sha256.Size:])
	copy(data.Bytes(), sum[:])
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	// Should two builds write at once, the digest tells what came of it.
	if err := os.WriteFile(file+".tmp", data.Bytes(), 0o644); err != nil { //nolint:gosec // it goes into the site
		return err
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		return err
	}
	p.fresh = false
	return nil
}
