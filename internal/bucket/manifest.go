package bucket

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"matinee/internal/ledger"
)

// Keys of the state. Nothing under StatePrefix is for readers of the site: what serves the bucket has to hide it.
const (
	StatePrefix    = ".matinee/"
	PointerKey     = StatePrefix + "current"
	manifestPrefix = StatePrefix + "manifest-"
	keptPrefix     = StatePrefix + "kept/" // earlier contents of pages, where the store keeps no versions
)

// A Side is one of the two buckets a site may consist of. With one bucket, everything is at Site.
type Side string

// The sides.
const (
	Site   Side = ""       // pages and all they need
	Stream Side = "stream" // clips
)

// sides in the order of their publication.
var sides = []Side{Stream, Site}

// A Wave is when an object is published: after everything of the waves before it is in place.
type Wave int

// The waves: what is referred to comes before what refers to it.
const (
	Files     Wave = iota // clips, pictures, styles, scripts
	Playlists             // media playlists
	Masters               // master playlists
	Pages
	Entries // where visitors arrive and learn of new pages: home page, lists, feeds, sitemaps
	waves
)

// An Object is a file of the site, and where and how it is published.
type Object struct {
	Key       string  `json:"key"` // slash-separated path: "a-walk/index.html"
	Side      Side    `json:"side,omitempty"`
	Size      int64   `json:"size"`
	SHA256    string  `json:"sha256,omitempty"` // hexadecimal; "" in what is known of a bucket when the content is not
	Headers   Headers `json:"headers,omitzero"`
	Wave      Wave    `json:"wave,omitempty"`
	Immutable bool    `json:"immutable,omitempty"` // another content would have another key
	Remote    bool    `json:"remote,omitempty"`    // put there by somebody else: needed, and neither sent nor deleted; SHA256 is "" and Headers are zero
}

// A Ref names an object of either bucket.
type Ref struct {
	Side Side   `json:"side,omitempty"`
	Key  string `json:"key"`
}

func (o Object) ref() Ref { return Ref{o.Side, o.Key} }

// An Entry is an object as it was published.
type Entry struct {
	Object

	ETag    string `json:"etag"`
	Version string `json:"version,omitempty"`
}

// A Tombstone is an object that is no longer part of the site, and still there.
type Tombstone struct {
	Entry

	Generation int       `json:"generation"`   // the first without it
	Time       time.Time `json:"time"`         // of that generation
	Of         string    `json:"of,omitempty"` // for a kept content: the key it was published under
}

// A Deletion is an object that goes.
type Deletion struct {
	Ref

	Size int64 `json:"size,omitempty"`
	Wave Wave  `json:"wave,omitempty"` // pages go before what they need
}

// A Manifest is everything that is published in one generation of a site.
type Manifest struct {
	Version    int
	Generation int
	Clips      string // name of the bucket at Stream; "" when there is one bucket
	Objects    []Entry
	Gone       []Tombstone
	Doomed     []Deletion // to be deleted once this manifest holds
}

// doomedRefs are what was to be deleted, and may still be there.
func (m *Manifest) doomedRefs() map[Ref]bool {
	refs := make(map[Ref]bool, len(m.Doomed))
	for i := range m.Doomed {
		refs[m.Doomed[i].Ref] = true
	}
	return refs
}

const (
	formatVersion   = 1
	maxPointerSize  = 64 << 20
	maxManifestSize = 256 << 20 // unpacked: half a million objects
)

// marshal packs a manifest, sorted, so that the same manifest has the same bytes.
func (m *Manifest) marshal() ([]byte, error) {
	slices.SortFunc(m.Objects, func(a, b Entry) int { return compareRefs(a.ref(), b.ref()) })
	slices.SortFunc(m.Gone, func(a, b Tombstone) int { return compareRefs(a.ref(), b.ref()) })
	slices.SortFunc(m.Doomed, func(a, b Deletion) int { return compareRefs(a.Ref, b.Ref) })
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // most of it is digests; other levels take a megabyte to work in
	if err != nil {
		return nil, err
	}
	fields := []ledger.Field{ledger.One("version", m.Version), ledger.One("generation", m.Generation)}
	if m.Clips != "" {
		fields = append(fields, ledger.One("clips", m.Clips))
	}
	fields = append(fields, ledger.Many("objects", m.Objects), ledger.Many("gone", m.Gone), ledger.Many("doomed", m.Doomed))
	err = errors.Join(ledger.Encode(zip, fields...), zip.Close())
	return packed.Bytes(), err
}

func compareRefs(a, b Ref) int {
	return cmp.Or(strings.Compare(string(a.Side), string(b.Side)), strings.Compare(a.Key, b.Key))
}

// unmarshalManifest reads a manifest. What it returns without an error is safe to act on: its keys are paths, none of
// its objects is state, and nothing is listed twice.
func unmarshalManifest(packed []byte) (*Manifest, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: zip, N: maxManifestSize}
	m := new(Manifest)
	seen := map[Ref]bool{}
	words := map[string]string{}
	intern := func(word *string) { // thousands of objects have the same few headers
		if known, ok := words[*word]; ok {
			*word = known
		} else {
			words[*word] = *word
		}
	}
	err = ledger.Decode(limited, map[string]ledger.Member{
		"version": func(d *json.Decoder) error {
			if err := d.Decode(&m.Version); err != nil {
				return err
			}
			return m.checkVersion() // before what it lists is taken for what this version would list
		},
		"generation": ledger.Value(&m.Generation),
		"clips":      ledger.Value(&m.Clips),
		"objects": ledger.List(&m.Objects, func(e *Entry) error {
			intern(&e.Headers.ContentType)
			intern(&e.Headers.CacheControl)
			return e.check(seen)
		}),
		"gone":   ledger.List(&m.Gone, func(t *Tombstone) error { return t.checkGone(seen) }),
		"doomed": ledger.List(&m.Doomed, func(d *Deletion) error { return checkRef(d.Ref) }),
	})
	if limited.N <= 0 {
		err = fmt.Errorf("it unpacks to more than %d bytes", maxManifestSize)
	}
	if err != nil {
		return nil, err
	}
	return m, m.check(seen)
}

// check holds what unmarshalManifest promises, but for what is held of every element as it is read, before the rest of a
// list of nonsense can fill the memory. seen are the objects that are there.
func (m *Manifest) check(seen map[Ref]bool) error {
	if err := m.checkVersion(); err != nil {
		return err
	}
	if m.Generation < 1 {
		return fmt.Errorf("it is of generation %d", m.Generation)
	}
	for i := range m.Gone {
		g := &m.Gone[i]
		if g.Generation > m.Generation || g.Generation < 1 {
			return fmt.Errorf("%q has gone in generation %d of %d", g.Key, g.Generation, m.Generation)
		}
	}
	for _, d := range m.Doomed {
		if d.Key == PointerKey || seen[d.Ref] {
			return fmt.Errorf("%q is listed as present and as deleted", d.Key)
		}
	}
	return nil
}

func (m *Manifest) checkVersion() error {
	if m.Version != formatVersion {
		return fmt.Errorf("its format is version %d, and this program knows %d", m.Version, formatVersion)
	}
	return nil
}

func (e *Entry) check(seen map[Ref]bool) error {
	if strings.HasPrefix(e.Key, StatePrefix) {
		return fmt.Errorf("%q is no file of a site", e.Key)
	}
	return e.checkEntry(seen)
}

func (t *Tombstone) checkGone(seen map[Ref]bool) error {
	isKept := strings.HasPrefix(t.Key, keptPrefix) && t.Of != ""
	if strings.HasPrefix(t.Key, StatePrefix) && !isKept {
		return fmt.Errorf("%q is no file of a site", t.Key)
	}
	return t.checkEntry(seen)
}

func (e *Entry) checkEntry(seen map[Ref]bool) error {
	if err := checkRef(e.ref()); err != nil {
		return err
	}
	if sum, err := hex.DecodeString(e.SHA256); err != nil || len(sum) != 32 && len(sum) != 0 || strings.ToLower(e.SHA256) != e.SHA256 {
		return fmt.Errorf("%q has the digest %q", e.Key, e.SHA256)
	}
	if e.Size < 0 || e.Wave < 0 || e.Wave >= waves {
		return fmt.Errorf("%q has the size %d and the wave %d", e.Key, e.Size, e.Wave)
	}
	if seen[e.ref()] {
		return fmt.Errorf("%q is listed twice", e.Key)
	}
	seen[e.ref()] = true
	return nil
}

func checkRef(r Ref) error {
	if !fs.ValidPath(r.Key) || r.Key == "." {
		return fmt.Errorf("%q is no path", r.Key)
	}
	if !slices.Contains(sides, r.Side) {
		return fmt.Errorf("%q is in the unknown bucket %q", r.Key, r.Side)
	}
	return nil
}
