package video

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// sources knows the content of the author's files by their digests, and reads a file only when its size or
// modification time has changed since it was last read.
type sources struct {
	site fs.FS
	file string // where the index lies between builds

	mu      sync.Mutex
	known   map[string]source
	seen    map[string]bool // asked for in this run; the others are forgotten on save
	changed bool
	read    int
}

// A source is a file of the author's as it was last read.
type source struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime"` // nanoseconds since 1970
	SHA256  string `json:"sha256"`
}

// IndexName is the usual name of the file that remembers the digests of a site's files. A cache that several sites share
// cannot hold it: each has files of its own under the same names.
const IndexName = "sources.json"

func loadSources(site fs.FS, file string) *sources {
	s := &sources{site: site, file: file, known: map[string]source{}, seen: map[string]bool{}}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return s // a new cache
	}
	if json.Unmarshal(data, &s.known) != nil {
		s.known = map[string]source{} // a damaged index only costs the time to read the files again
	}
	return s
}

// look returns what is known of a file, reading it if it is new or changed. inspect, which may be nil, sees a file that
// had to be read, and may refuse it.
func (s *sources) look(name string, inspect func(io.Reader) error) (source, error) {
	info, err := fs.Stat(s.site, name)
	if err != nil {
		return source{}, err
	}
	s.mu.Lock()
	s.seen[name] = true
	s.mu.Unlock()
	if known, ok := s.unchanged(name); ok {
		return known, nil
	}
	fresh, err := s.readFile(name, inspect)
	if err != nil {
		return source{}, err
	}
	fresh.Size, fresh.ModTime = info.Size(), info.ModTime().UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name], s.changed = fresh, true
	s.read++
	return fresh, nil
}

func (s *sources) readFile(name string, inspect func(io.Reader) error) (source, error) {
	f, err := s.site.Open(name)
	if err != nil {
		return source{}, err
	}
	defer f.Close() //nolint:errcheck // read only
	var fresh source
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return source{}, fmt.Errorf("read %s: %w", name, err)
	}
	fresh.SHA256 = hex.EncodeToString(h.Sum(nil))
	if inspect != nil {
		if _, err := f.(io.Seeker).Seek(0, io.SeekStart); err != nil {
			return source{}, err
		}
		if err := inspect(f); err != nil {
			return source{}, err
		}
	}
	return fresh, nil
}

func (s *sources) reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

// used are the digests of the files that were asked for.
func (s *sources) used() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := map[string]bool{}
	for name := range s.seen {
		if known, ok := s.known[name]; ok {
			sums[known.SHA256] = true
		}
	}
	return sums
}

// save writes the index down if it has changed, forgetting files nobody asked for.
func (s *sources) save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.known {
		if !s.seen[name] {
			delete(s.known, name)
			s.changed = true
		}
	}
	if !s.changed {
		return nil
	}
	data, err := json.Marshal(s.known)
	if err != nil {
		return err
	}
	s.changed = false
	return writeAtomic(s.file, data)
}

// unchanged returns what is known of a file that is as it was when it was last read; it reads nothing.
func (s *sources) unchanged(name string) (source, bool) {
	info, err := fs.Stat(s.site, name)
	if err != nil {
		return source{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.known[name]
	return known, ok && known.Size == info.Size() && known.ModTime == info.ModTime().UnixNano()
}
