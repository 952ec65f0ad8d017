package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"matinee/internal/diag"
)

// A Place is a bucket and what stands in front of it.
type Place struct {
	Name  string // for people, and, at Stream, to know it again: "s3://films-site"
	Store Store
	CDN   Invalidator // nil when there is none
}

// A File is a local file being sent.
type File interface {
	io.ReaderAt
	io.Closer
}

// A Publisher publishes one site. Site, Open and Owner have to be set; it is used by one goroutine.
type Publisher struct {
	Site   Place
	Stream Place // for objects of Side Stream; with a nil Store all objects are at Site

	ID    string                         // names the site, so that it is not published over another one: its address
	Owner string                         // who is publishing, for others to read: "ann@laptop"
	Open  func(key string) (File, error) // opens a local file
	Refs  func(Object) ([]Ref, error)    // what must be there before a page or playlist goes out; nil when not checked
	Cache string                         // file in which this machine remembers the manifest it saw last; "" for none

	Verify     bool // look at what is there, and mend what is not as the manifest says
	StealLock  bool // do not believe that somebody else is publishing
	Takeover   bool // replace what others have put there, or what belongs to another site
	PruneNow   bool // delete at once what went out of the site
	MaxDeletes int  // refuse to delete more than that; 0 for 256, or a tenth of the site; negative for none
	Wait       bool // return only when networks have forgotten what they were told to forget

	Progress func(Progress)   // called as the work goes on, by one goroutine at a time; may be nil
	Now      func() time.Time // nil for time.Now
	Rand     func() float64   // in [0, 1), for pauses; nil for random ones

	once    sync.Once
	traffic *traffic
}

// Progress says how far a publish has come.
type Progress struct {
	Key   string // of the object that is complete now
	Done  Tally
	Total Tally
}

func (p *Publisher) flow() *traffic {
	p.once.Do(func() { p.traffic = newTraffic(p.Rand) })
	return p.traffic
}

func (p *Publisher) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

func (p *Publisher) place(side Side) *Place {
	if side == Stream {
		return &p.Stream
	}
	return &p.Site
}

// clips names the bucket of clips, if they have one.
func (p *Publisher) clips() string {
	if p.Stream.Store == nil {
		return ""
	}
	return p.Stream.Name
}

func (p *Publisher) sides() []Side {
	return slices.DeleteFunc(slices.Clone(sides), func(s Side) bool { return p.place(s).Store == nil })
}

func (p *Publisher) rules() Rules {
	cdn := map[Side]bool{}
	for _, side := range p.sides() {
		cdn[side] = p.place(side).CDN != nil
	}
	return Rules{Now: p.now().UTC(), PruneNow: p.PruneNow, CDN: cdn}
}

// Plan finds out what has to be done to publish the local objects, and changes nothing. The error is a [BusyError]
// while somebody else publishes.
func (p *Publisher) Plan(ctx context.Context, local []Object) (*Plan, error) {
	state, err := p.inspect(ctx)
	if err != nil {
		return nil, err
	}
	f := &findings{}
	if state.mustList(p) {
		if f, err = p.reconcile(ctx, state, local, p.sameAsLocal); err != nil {
			return nil, err
		}
	}
	plan := p.plan(state, f, local)
	p.noteWritten(plan)
	if err := p.checkVouched(ctx, plan); err != nil {
		return plan, err
	}
	return plan, p.checkReferences(ctx, plan, local)
}

// plan makes a Plan of all that was found out.
func (p *Publisher) plan(state *state, found *findings, local []Object) *Plan {
	plan := Diff(local, *state.manifest, p.rules())
	plan.base, plan.listed = state.base, found.listed
	plan.next.Clips = p.clips()
	plan.Foreign, plan.Overwrites = found.foreign, found.overwrites
	for _, orphan := range found.orphans {
		if !slices.ContainsFunc(plan.next.Gone, func(t Tombstone) bool { return t.ref() == orphan.Ref }) {
			plan.housekeeping = append(plan.housekeeping, orphan)
		}
	}
	if old := state.superfluous(); len(old) >= keptGenerations || len(plan.Deletes)+len(plan.housekeeping) > 0 {
		plan.housekeeping = append(plan.housekeeping, old...)
	}
	for side, paths := range state.base.pointer.Pending {
		if p.place(side).CDN != nil && len(paths) > 0 {
			plan.Invalidate[side] = joinPaths(paths, plan.Invalidate[side])
		}
	}
	plan.reads = state.requests + found.requests
	plan.count()
	return plan
}

// joinPaths unites two invalidations.
func joinPaths(a, b []string) []string {
	all := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(a), b...))))
	if len(all) > 2*maxPaths || wildcards(all) > maxWildcards || slices.Contains(all, everything) {
		return []string{everything}
	}
	return all
}

// A state is what the pointer and the manifest it names say.
type state struct {
	base     base
	manifest *Manifest
	requests int
}

// inspect reads the pointer and the manifest that holds.
func (p *Publisher) inspect(ctx context.Context) (*state, error) {
	b, err := p.readPointer(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.held(); err != nil && !p.StealLock {
		return nil, err
	}
	if other := b.pointer.Site; other != "" && other != p.ID && !p.Takeover {
		return nil, fmt.Errorf("%s holds another site, %s: %w", p.Site.Name, other, ErrTaken)
	}
	return p.recorded(ctx, b)
}

// recorded reads the manifest that a pointer names.
func (p *Publisher) recorded(ctx context.Context, b base) (s *state, err error) {
	s = &state{base: b, manifest: &Manifest{}, requests: 1}
	current := b.pointer.current()
	if current.Number == 0 {
		return s, nil
	}
	packed := p.remembered(current)
	if packed == nil {
		s.requests++
		packed, err = p.fetchManifest(ctx, current)
		if errors.Is(err, errLost) && p.Verify { // the listing tells what is there
			s.manifest = &Manifest{Version: formatVersion, Generation: current.Number, Clips: p.clips()}
			return s, nil
		}
		if err != nil {
			return nil, p.explainLost(current, err, "matinee publish --verify looks at what is there, and goes on from that")
		}
		p.remember(packed)
	}
	if s.manifest, err = unmarshalManifest(packed); err != nil {
		return nil, p.riddle(current.Manifest, err)
	}
	if !b.pointer.Sweep {
		s.manifest.Doomed = nil // it is done
	}
	return s, nil
}

// errLost is a manifest that is not there any more.
var errLost = errors.New("the record of a generation is lost")

// fetchManifest reads a manifest of the site's bucket. The error is errLost when there is none, or another one.
func (p *Publisher) fetchManifest(ctx context.Context, g Generation) ([]byte, error) {
	packed, _, err := p.read(ctx, g.Manifest, maxManifestSize)
	if err == nil && digest(packed) == g.SHA256 {
		return packed, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return nil, errLost
}

// explainLost says of a manifest that it is lost, and what to do about it. Other errors stay as they are.
func (p *Publisher) explainLost(g Generation, err error, hint string) error {
	if !errors.Is(err, errLost) {
		return err
	}
	return diag.At("", 0, "somebody removed or changed %s in %s, which says what generation %d is", g.Manifest, p.Site.Name, g.Number).
		WithHint("%s", hint)
}

// riddle is what is said of state that another program, or a later version of this one, has written.
func (p *Publisher) riddle(key string, err error) error {
	return diag.At("", 0, "%s in %s cannot be understood: %v", key, p.Site.Name, err).
		WithHint("publish with the latest version of Matinee; if that does not understand it either, delete %s there and publish with --verify --yes", key)
}

// remembered returns the packed manifest of a generation if this machine has it.
func (p *Publisher) remembered(g Generation) []byte {
	if p.Cache == "" {
		return nil
	}
	packed, err := os.ReadFile(p.Cache)
	if err != nil || digest(packed) != g.SHA256 {
		return nil
	}
	return packed
}

// remember saves a request next time. Without it, or with a broken file, everything works as well.
func (p *Publisher) remember(packed []byte) {
	if p.Cache != "" && os.MkdirAll(filepath.Dir(p.Cache), 0o777) == nil {
		_ = os.WriteFile(p.Cache, packed, 0o666)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// mustList reports whether the manifest alone does not tell what is there.
func (s *state) mustList(p *Publisher) bool {
	return p.Verify || s.base.pointer.Dirty || len(s.base.pointer.Generations) == 0 || s.moved(p)
}

// moved reports whether clips go to another bucket than last time. The state lies in the bucket of pages, so that one
// cannot be another.
func (s *state) moved(p *Publisher) bool {
	return p.Stream.Store != nil && p.Stream.Name != s.manifest.Clips
}

// superfluous are the manifests of generations that are out of reach.
func (s *state) superfluous() []Deletion {
	var old []Deletion
	for _, g := range s.base.pointer.Generations[:max(0, len(s.base.pointer.Generations)-keptGenerations)] {
		old = append(old, Deletion{Ref: Ref{Site, g.Manifest}})
	}
	return old
}

// putState writes a small object of the state.
func (p *Publisher) putState(ctx context.Context, key string, data []byte, options PutOptions) (Stored, error) {
	options.Headers = Headers{ContentType: "application/json", CacheControl: "no-store"}
	if strings.HasSuffix(key, ".gz") {
		options.Headers.ContentType = "application/gzip"
	}
	body, err := ReadBody(bytes.NewReader(data), 0, int64(len(data)))
	if err != nil {
		return Stored{}, err
	}
	return p.put(ctx, &p.Site, key, body, options)
}

// put sends an object in one piece and makes sure of what arrived.
func (p *Publisher) put(ctx context.Context, place *Place, key string, body Body, options PutOptions) (stored Stored, err error) {
	err = p.flow().try(ctx, func() error {
		again := body
		again.SectionReader = io.NewSectionReader(body, 0, body.Size())
		answer, err := place.Store.Put(ctx, key, again, options)
		if err != nil {
			return err
		}
		stored = answer
		p.flow().observe(body.Size())
		if !stored.Opaque && stored.ETag != hex.EncodeToString(body.MD5[:]) {
			return fmt.Errorf("put %s: %w", key, errDamaged)
		}
		return nil
	})
	return stored, err
}

var errDamaged = errors.New("the store did not get what was sent")
