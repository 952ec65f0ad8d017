package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A Health is how a published site stands: what its records say of it, what is really there, and what the built site
// has that is not published.
type Health struct {
	Site        string     // whose site is published there; "" where nothing ever was
	Generation  Generation // that holds; the zero Generation before the first
	Manifest    Manifest   // of that generation
	Busy        *BusyError // somebody is publishing at this moment; nil when nobody is
	Interrupted bool       // a publish began and did not end: what differs is mended by the next one
	Forgetting  int        // paths that networks have not been told to forget yet
	Conditional string     // whether the store keeps to conditional writes: "yes", "no"; "" before that was tried

	Missing []Ref // objects that the manifest lists and that are not there
	Altered []Ref // objects that are not as they were published
	Foreign int   // objects of somebody else

	Unpublished []Change // what is built and not published, or not like that
	Dropped     int      // what is published and not part of the built site
}

// Examine finds out how the published site stands, and changes nothing. local are the objects of the built site, nil
// where it is not to be compared. It reads the records and lists the buckets, a request for every thousand objects, also
// while somebody publishes.
func (p *Publisher) Examine(ctx context.Context, local []Object) (*Health, error) {
	b, err := p.readPointer(ctx)
	if err != nil {
		return nil, err
	}
	h := &Health{Generation: b.pointer.current(), Interrupted: b.pointer.Dirty, Conditional: b.pointer.Conditional}
	if b.etag != "" {
		h.Site = b.pointer.Site
	}
	h.Busy, _ = errors.AsType[*BusyError](b.held())
	for _, paths := range b.pointer.Pending {
		h.Forgetting += len(paths)
	}
	state, err := p.recorded(ctx, b)
	if err != nil {
		return nil, err
	}
	h.Manifest = *state.manifest
	if err := h.compare(ctx, p, state); err != nil {
		return nil, err
	}
	if local != nil {
		plan := Diff(local, *state.manifest, p.rules())
		h.Unpublished, h.Dropped = plan.Changes, plan.Dropped
	}
	return h, nil
}

// compare lists the buckets.
func (h *Health) compare(ctx context.Context, p *Publisher, state *state) error {
	left := make(map[Ref]*Entry, len(state.manifest.Objects))
	for i := range state.manifest.Objects {
		e := &state.manifest.Objects[i]
		left[e.ref()] = e
	}
	ours := map[Ref]bool{} // and not part of the site
	for i := range state.manifest.Gone {
		ours[state.manifest.Gone[i].ref()] = true
	}
	for _, d := range state.manifest.Doomed {
		ours[d.Ref] = true
	}
	for _, a := range state.base.pointer.Adding {
		ours[a.Ref] = true
	}
	for _, side := range p.sides() {
		err := p.list(ctx, side, new(int), func(l Listed) error {
			ref := Ref{side, l.Key}
			switch e := left[ref]; {
			case e != nil && !e.isListed(l):
				h.Altered = append(h.Altered, ref)
			case e == nil && !ours[ref] && !strings.HasPrefix(l.Key, StatePrefix):
				h.Foreign++
			}
			delete(left, ref)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for ref := range left {
		h.Missing = append(h.Missing, ref)
	}
	slices.SortFunc(h.Missing, compareRefs)
	return nil
}
