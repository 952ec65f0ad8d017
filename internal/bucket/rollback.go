package bucket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"matinee/internal/diag"
)

// Generations lists what can be gone back to, the latest last; the last one holds.
func (p *Publisher) Generations(ctx context.Context) ([]Generation, error) {
	b, err := p.readPointer(ctx)
	return b.pointer.Generations, err
}

// PlanRollback finds out what has to be done to publish an earlier generation again, as a new one; 0 means the one
// before that which holds. Contents come from the store itself: an earlier version of the object, a content that was
// put aside, or an object that is still there. The error lists what is nowhere to be found.
func (p *Publisher) PlanRollback(ctx context.Context, number int) (*Plan, error) {
	state, err := p.inspect(ctx)
	if err != nil {
		return nil, err
	}
	target, err := p.generation(ctx, state, number)
	if err != nil {
		return nil, err
	}
	local := make([]Object, len(target.Objects))
	wanted := make(map[Ref]Entry, len(target.Objects))
	for i, e := range target.Objects {
		local[i] = e.Object
		wanted[e.ref()] = e
	}
	found := &findings{}
	if state.mustList(p) {
		same := func(_ context.Context, o Object, l Listed) (bool, error) { return wanted[o.ref()].isListed(l), nil }
		if found, err = p.reconcile(ctx, state, local, same); err != nil {
			return nil, err
		}
	}
	plan := p.plan(state, found, local)
	plan.Note = fmt.Sprintf("back to %d", target.Generation)
	if err := p.checkVouched(ctx, plan); err != nil {
		return plan, err
	}
	lost, err := p.lostVersions(ctx, plan, wanted)
	if err != nil {
		return plan, err
	}
	for ref := range lost {
		e := wanted[ref]
		e.Version = ""
		wanted[ref] = e
	}
	return plan, plan.restore(wanted, state.manifest)
}

// lostVersions are the contents to go back to whose versions the store has named and no longer has: a bucket's lifecycle
// may remove them before ten generations have passed. A store that does not let us look is believed.
func (p *Publisher) lostVersions(ctx context.Context, plan *Plan, wanted map[Ref]Entry) (map[Ref]bool, error) {
	var named []Ref
	for _, c := range plan.Changes {
		if _, ok := p.place(c.Side).Store.(Versioned); ok && c.Reason != HeadersOnly && wanted[c.ref()].Version != "" {
			named = append(named, c.ref())
		}
	}
	plan.reads += len(named)
	var mu sync.Mutex
	lost := map[Ref]bool{}
	err := p.each(ctx, len(named), func(ctx context.Context, i int) error {
		ref := named[i]
		store := p.place(ref.Side).Store.(Versioned) //nolint:forcetypeassert // or it were not among them
		err := p.flow().try(ctx, func() error { return store.Holds(ctx, Source{Key: ref.Key, Version: wanted[ref].Version}) })
		if errors.Is(err, ErrNotFound) {
			mu.Lock()
			defer mu.Unlock()
			lost[ref] = true
			return nil
		}
		if errors.Is(err, ErrRefused) {
			return nil
		}
		p.flow().observe(0)
		return err
	})
	return lost, err
}

// generation reads the manifest of an earlier generation.
func (p *Publisher) generation(ctx context.Context, state *state, number int) (*Manifest, error) {
	all := state.base.pointer.Generations
	if number == 0 {
		number = state.base.pointer.current().Number - 1
	}
	i := slices.IndexFunc(all, func(g Generation) bool { return g.Number == number })
	if i < 0 || number < 1 {
		if len(all) < 2 {
			return nil, diag.At("", 0, "there is no earlier generation in %s to go back to", p.Site.Name)
		}
		return nil, diag.At("", 0, "there is no generation %d in %s any more: it has %d to %d", number, p.Site.Name, all[0].Number, all[len(all)-1].Number)
	}
	packed, err := p.fetchManifest(ctx, all[i])
	if err != nil {
		return nil, p.explainLost(all[i], err, "go back to another generation")
	}
	m, err := unmarshalManifest(packed)
	if err != nil {
		return nil, p.riddle(all[i].Manifest, err)
	}
	if m.Clips != p.clips() {
		return nil, diag.At("", 0, "generation %d was published to other buckets", number)
	}
	return m, nil
}

// restore says of every change where its content comes from.
func (p *Plan) restore(wanted map[Ref]Entry, now *Manifest) error {
	bySum := map[Side]map[string]*Entry{Site: {}, Stream: {}} // digest → what is there
	for i := range now.Objects {
		bySum[now.Objects[i].Side][now.Objects[i].SHA256] = &now.Objects[i]
	}
	for i := range now.Gone {
		bySum[now.Gone[i].Side][now.Gone[i].SHA256] = &now.Gone[i].Entry
	}
	replaced := map[Ref]bool{}
	for i := range p.Changes {
		replaced[p.Changes[i].ref()] = true
	}
	var problems []*diag.Problem
	for i := range p.Changes {
		c := &p.Changes[i]
		c.isLocal = false
		if c.Reason == HeadersOnly {
			continue
		}
		c.Reason = Restored
		source, there := bySum[c.Side][c.SHA256]
		switch e := wanted[c.ref()]; {
		case e.Version != "":
			c.from = &Source{Key: c.Key, Version: e.Version}
		case there && c.SHA256 != "" && !replaced[source.ref()]:
			c.from, c.was = &Source{Key: source.Key}, source.ETag
		case c.SHA256 != "" && slices.ContainsFunc(p.keeps, func(k keep) bool { return k.to.Side == c.Side && k.to.SHA256 == c.SHA256 }):
			c.from, c.was = &Source{Key: keptPrefix + c.SHA256}, e.ETag
		default:
			problems = append(problems, diag.At(c.Key, 0, "its earlier content is no longer there").
				WithHint("build that state of the site from its sources again, and publish it"))
		}
	}
	diag.Sort(problems)
	p.count()
	return joinProblems(problems)
}
