package bucket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// A pointer is the object PointerKey: which manifest holds, and who is changing that.
type pointer struct {
	Version     int          `json:"version"`
	Site        string       `json:"site"`        // whose bucket this is
	Generations []Generation `json:"generations"` // the last one holds; empty before the first commit

	// Conditional is what the probe found: "yes" or "no"; "" before it.
	Conditional string `json:"conditional,omitempty"`

	// Dirty is set from the moment a publish begins until it commits: objects may differ from the manifest. Adding are
	// the objects it may have added, which no manifest knows.
	Dirty  bool    `json:"dirty,omitempty"`
	Adding []added `json:"adding,omitempty"`

	// Begun are the uploads in parts that may have been begun and not finished, with the headers their objects will have.
	Begun []begun `json:"begun,omitempty"`

	// Sweep is set until what the manifest lists as doomed is deleted.
	Sweep bool `json:"sweep,omitempty"`

	// Pending are paths that the networks in front of the buckets have not been told to forget yet.
	Pending map[Side][]string `json:"pendingInvalidation,omitempty"`

	Lock *lock `json:"lock,omitempty"`
}

// A Generation is one publication of the site.
type Generation struct {
	Number   int       `json:"number"` // from 1 on, without gaps
	Manifest string    `json:"manifest"`
	SHA256   string    `json:"sha256"` // of the packed manifest
	Time     time.Time `json:"time"`
	By       string    `json:"by"`
	Note     string    `json:"note,omitempty"` // "back to 3"
}

// An added object may be there. One of another size is somebody else's, and was there before.
type added struct {
	Ref

	Size int64 `json:"size,omitempty"`
}

// A begun upload has the headers it was begun with, whoever finishes it.
type begun struct {
	Ref

	Headers Headers `json:"headers,omitzero"`
}

// A lock says who is publishing.
type lock struct {
	ID    string    `json:"id"` // random, so that no two writes of a pointer are the same
	Beat  int       `json:"beat"`
	Owner string    `json:"owner"`
	Since time.Time `json:"since"` // by the owner's clock, for people
	TTL   int       `json:"ttl_seconds"`
}

// keptGenerations can be gone back to; superfluous manifests are deleted when there is something to
// delete anyway, or when as many have gathered.
const keptGenerations = 10

// current returns the generation that holds, the zero Generation before the first.
func (p *pointer) current() Generation {
	if len(p.Generations) == 0 {
		return Generation{}
	}
	return p.Generations[len(p.Generations)-1]
}

// unmarshalPointer reads a pointer. What it returns without an error is safe to act on: manifests have the names of
// manifests, and generations follow each other.
func unmarshalPointer(data []byte) (*pointer, error) {
	p := new(pointer)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, err
	}
	if p.Version != formatVersion {
		return nil, fmt.Errorf("its format is version %d, and this program knows %d", p.Version, formatVersion)
	}
	for i, g := range p.Generations {
		switch {
		case !strings.HasPrefix(g.Manifest, manifestPrefix) || !fs.ValidPath(g.Manifest) || strings.Count(g.Manifest, "/") != 1:
			return nil, fmt.Errorf("%q is no manifest", g.Manifest)
		case g.Number < 1 || i > 0 && g.Number != p.Generations[i-1].Number+1:
			return nil, fmt.Errorf("generation %d is out of order", g.Number)
		}
	}
	for _, a := range p.Adding {
		if err := checkRef(a.Ref); err != nil {
			return nil, err
		}
	}
	for _, b := range p.Begun {
		if err := checkRef(b.Ref); err != nil {
			return nil, err
		}
	}
	for side, paths := range p.Pending {
		for _, path := range paths {
			if !strings.HasPrefix(path, "/") {
				return nil, fmt.Errorf("%q is no path", path)
			}
		}
		if err := checkRef(Ref{side, "x"}); err != nil {
			return nil, err
		}
	}
	if p.Lock != nil && (p.Lock.TTL < 1 || p.Lock.TTL > 3600) {
		return nil, errors.New("its lock has no sensible term")
	}
	return p, nil
}
