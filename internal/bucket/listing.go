package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// findings are what a listing shows besides what a manifest vouches for.
type findings struct {
	listed     bool
	requests   int
	foreign    int
	overwrites []string
	orphans    []Deletion // state that nothing refers to
}

// sameContent tells whether what is listed has the content of an object.
type sameContent func(ctx context.Context, o Object, l Listed) (bool, error)

// reconcile makes state.manifest say what is there. An object that is not as the manifest says (drift, or a publish that
// died) is compared with the local one: it has the same content and unknown headers, or an unknown content.
func (p *Publisher) reconcile(ctx context.Context, state *state, local []Object, same sameContent) (*findings, error) {
	r := reconciler{
		findings: findings{listed: true},
		known:    make(map[Ref]*Entry, len(state.manifest.Objects)), gone: map[Ref]*Tombstone{},
		local: make(map[Ref]*Object, len(local)), adding: map[added]bool{},
		isFirst: len(state.base.pointer.Generations) == 0 && state.base.etag == "",
		state:   map[Ref]bool{}, same: same,
		keepable: map[Ref]*Entry{}, intact: map[Ref]bool{},
		doomed: state.manifest.doomedRefs(), isBlank: len(state.manifest.Objects)+len(state.manifest.Gone) == 0,
	}
	m := state.manifest
	for i := range m.Objects {
		e := &m.Objects[i]
		r.known[e.ref()] = e
		if copied, ok := e.copied(); ok {
			r.keepable[copied.ref()] = e
		}
	}
	for i := range m.Gone {
		r.gone[m.Gone[i].ref()] = &m.Gone[i]
	}
	for i := range local {
		r.local[local[i].ref()] = &local[i]
	}
	for _, a := range state.base.pointer.Adding {
		r.adding[a] = true
	}
	for _, g := range state.base.pointer.Generations {
		r.state[Ref{Site, g.Manifest}] = true
	}
	r.next = Manifest{Version: m.Version, Generation: m.Generation, Clips: m.Clips, Doomed: m.Doomed}
	for _, side := range p.sides() {
		// A bucket of clips that is not the one of last time holds nothing that the manifest could vouch for.
		r.isNew = side == Stream && m.Generation > 0 && state.moved(p)
		err := p.list(ctx, side, &r.requests, func(l Listed) error { return r.find(ctx, Ref{side, l.Key}, l) })
		if err != nil {
			return nil, err
		}
	}
	r.adopt(Tombstone{Generation: m.Generation + 1, Time: p.now().UTC()})
	state.manifest = &r.next
	slices.Sort(r.overwrites)
	return &r.findings, nil
}

// list visits every object of a bucket, and counts the requests that takes.
func (p *Publisher) list(ctx context.Context, side Side, requests *int, visit func(Listed) error) error {
	return p.listUnder(ctx, side, "", requests, visit)
}

// listUnder visits the objects whose keys begin with prefix.
func (p *Publisher) listUnder(ctx context.Context, side Side, prefix string, requests *int, visit func(Listed) error) error {
	for after, more := "", true; more; {
		var page []Listed
		err := p.flow().try(ctx, func() (err error) {
			*requests++
			page, more, err = p.place(side).Store.List(ctx, prefix, after)
			return err
		})
		if err != nil {
			return err
		}
		if more && len(page) == 0 || after != "" && len(page) > 0 && page[0].Key <= after {
			return fmt.Errorf("%s cannot list more than its first objects, as every S3 can: %w", p.place(side).Name, ErrRefused)
		}
		for _, l := range page {
			if err := visit(l); err != nil {
				return err
			}
			after = l.Key
		}
	}
	return nil
}

// A reconciler makes a manifest of a listing.
type reconciler struct {
	findings

	known  map[Ref]*Entry
	gone   map[Ref]*Tombstone
	doomed map[Ref]bool
	local  map[Ref]*Object
	adding map[added]bool
	state  map[Ref]bool // manifests in use
	same   sameContent

	keepable map[Ref]*Entry // contents of the manifest, by where they are kept when they are replaced
	intact   map[Ref]bool   // what is as the manifest says
	stray    []stray

	isFirst bool // nothing was ever published from here
	isBlank bool // the manifest knows nothing, or is lost
	isNew   bool // the bucket being listed is not that of last time
	next    Manifest
}

// A stray is state that the manifest does not know.
type stray struct {
	ref    Ref
	listed Listed
}

// find takes in one object.
func (r *reconciler) find(ctx context.Context, ref Ref, l Listed) error {
	known, isKnown := r.known[ref]
	gone, isGone := r.gone[ref]
	object, isLocal := r.local[ref]
	if r.isNew {
		isKnown, isGone = false, false
	}
	switch {
	case isGone && gone.isListed(l):
		r.next.Gone = append(r.next.Gone, *gone)
		return nil
	case strings.HasPrefix(ref.Key, StatePrefix):
		isOurs := strings.HasPrefix(ref.Key, keptPrefix) || strings.HasPrefix(ref.Key, manifestPrefix)
		if isOurs && !r.state[ref] {
			r.stray = append(r.stray, stray{ref, l})
		}
		return nil
	case isKnown && known.isListed(l):
		r.next.Objects = append(r.next.Objects, *known)
		r.intact[ref] = true
		return nil
	case !isLocal && !isKnown && !isGone && !r.adding[added{ref, l.Size}]:
		r.foreign++
		return nil
	}
	if isLocal && object.Remote || !isLocal && isKnown && known.Remote { // what it is now is not ours to say
		if isLocal && object.Size == l.Size {
			r.next.Objects = append(r.next.Objects, Entry{Object: *object, ETag: l.ETag})
		}
		return nil
	}
	found := Entry{Object: Object{Key: ref.Key, Side: ref.Side, Size: l.Size}, ETag: l.ETag}
	if isLocal && object.Size == l.Size {
		isSame, err := r.same(ctx, *object, l)
		if err != nil {
			return err
		}
		if isSame {
			found.Object, found.Headers = *object, Headers{}
		}
	}
	isOurs := !r.isFirst && !r.isNew && (isKnown || isGone || r.doomed[ref] || r.isBlank)
	if !isOurs && found.SHA256 == "" && !r.adding[added{ref, l.Size}] {
		r.overwrites = append(r.overwrites, ref.Key)
	}
	r.next.Objects = append(r.next.Objects, found)
	return nil
}

// adopt vouches for what a publish that died has put aside before it replaced a page: it may be the only copy left.
// Nothing refers to the rest.
func (r *reconciler) adopt(t Tombstone) {
	for _, o := range r.stray {
		if page, isKeepable := r.keepable[o.ref]; isKeepable && !r.intact[page.ref()] {
			if copied, _ := page.copied(); copied.isListed(o.listed) {
				t.Entry, t.Of = copied, page.Key
				r.next.Gone = append(r.next.Gone, t)
				continue
			}
		}
		r.orphans = append(r.orphans, Deletion{Ref: o.ref, Size: o.listed.Size})
	}
}

// isListed reports whether what is listed is the object as it was published.
func (e Entry) isListed(l Listed) bool {
	return (l.ETag == e.ETag || e.Remote && e.ETag == "") && l.Size == e.Size
}

// sameAsLocal compares by MD5, which is what ETags are made of unless they are opaque. Then nothing matches, and
// the object is sent again.
func (p *Publisher) sameAsLocal(ctx context.Context, o Object, l Listed) (bool, error) {
	file, err := p.Open(o.Key)
	if err != nil {
		return false, err
	}
	defer file.Close() //nolint:errcheck // only read
	sums := md5.New()  //nolint:gosec // the ETag of S3
	_, number, inParts := strings.Cut(l.ETag, "-")
	if !inParts {
		_, err = io.Copy(sums, cancellable{ctx, io.NewSectionReader(file, 0, o.Size)})
		return err == nil && hex.EncodeToString(sums.Sum(nil)) == l.ETag, err
	}
	parts := partsOf(o.Size)
	if number != fmt.Sprint(len(parts)) {
		return false, nil
	}
	for _, part := range parts {
		sum := md5.New() //nolint:gosec // the ETag of S3
		if _, err := io.Copy(sum, cancellable{ctx, io.NewSectionReader(file, part.offset, part.size)}); err != nil {
			return false, err
		}
		sums.Write(sum.Sum(nil))
	}
	return fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts)) == l.ETag, nil
}

// A cancellable ends a copy when its context does.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
