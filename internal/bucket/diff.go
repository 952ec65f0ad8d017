package bucket

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Grace is how long an object stays after it went out of the site, in a second generation at the earliest.
const Grace = 24 * time.Hour

// Rules are what Diff goes by besides the two lists.
type Rules struct {
	Now      time.Time
	PruneNow bool          // what went out of the site is deleted at once, and no content of it is kept
	CDN      map[Side]bool // sides with a network in front, which must be told of changes
}

// Diff returns what has to be done to make a bucket hold the local objects. remote is the manifest that holds, the
// zero Manifest when nothing was ever published.
func Diff(local []Object, remote Manifest, rules Rules) *Plan {
	d := differ{
		rules: rules,
		plan:  &Plan{next: Manifest{Version: formatVersion, Generation: remote.Generation + 1}},
		old:   make(map[Ref]*Entry, len(remote.Objects)+len(remote.Gone)),
		local: make(map[Ref]bool, len(local)),
		kept:  map[Ref]Tombstone{},
		stale: map[Side][]string{},

		doomed: remote.doomedRefs(),
	}
	if byRef := func(a, b Object) int { return compareRefs(a.ref(), b.ref()) }; !slices.IsSortedFunc(local, byRef) {
		local = slices.SortedFunc(slices.Values(local), byRef)
	}
	d.plan.next.Objects = make([]Entry, 0, len(local)) // and not moved again: it is sorted, and Changes point into it
	for i := range remote.Objects {
		d.old[remote.Objects[i].ref()] = &remote.Objects[i]
	}
	for i := range remote.Gone {
		if g := &remote.Gone[i]; g.Of == "" {
			d.old[g.ref()] = &g.Entry
		} else {
			d.kept[g.ref()] = *g
		}
	}
	for _, o := range local {
		d.local[o.ref()] = true
		if o.Remote {
			d.vouch(o)
			continue
		}
		d.publish(o)
	}
	for _, e := range remote.Objects {
		if !d.local[e.ref()] {
			d.plan.Dropped++
			if e.Remote {
				continue
			}
			d.leave(Tombstone{Entry: e, Generation: d.plan.next.Generation, Time: rules.Now})
		}
	}
	for _, g := range remote.Gone {
		switch {
		case g.Of != "":
			continue
		case d.local[g.ref()]:
			d.plan.Revived++
		default:
			d.leave(g)
		}
	}
	d.letGo()
	d.sweep(remote.Doomed)
	d.finish()
	return d.plan
}

// A differ is a Diff under way.
type differ struct {
	rules Rules
	plan  *Plan
	old   map[Ref]*Entry // what is in the buckets, in the site or not
	local map[Ref]bool
	kept  map[Ref]Tombstone
	stale map[Side][]string // keys whose answers may be in caches

	doomed map[Ref]bool
}

// publish adds a local object to the plan.
func (d *differ) publish(o Object) {
	old, there := d.old[o.ref()]
	change := Change{}
	switch {
	case !there:
		change.Reason, change.isFree = New, !d.doomed[o.ref()]
	case old.SHA256 != o.SHA256 || old.Size != o.Size:
		change.Reason = Replaced
		d.keep(*old)
	case old.Headers != o.Headers:
		change.Reason = HeadersOnly
		change.from, change.was, change.isLocal = &Source{Key: o.Key}, old.ETag, true
	default:
		d.plan.Unchanged.add(o.Size)
		d.plan.next.Objects = append(d.plan.next.Objects, Entry{Object: o, ETag: old.ETag, Version: old.Version})
		return
	}
	if there {
		d.stale[o.Side] = append(d.stale[o.Side], o.Key)
	}
	d.plan.next.Objects = append(d.plan.next.Objects, Entry{Object: o})
	change.Entry = &d.plan.next.Objects[len(d.plan.next.Objects)-1]
	d.plan.Changes = append(d.plan.Changes, change)
}

// vouch adds an object to the plan that somebody else has put there.
func (d *differ) vouch(o Object) {
	entry := Entry{Object: o}
	if old, there := d.old[o.ref()]; there && old.Remote && old.Size == o.Size {
		entry = *old
	} else {
		d.plan.vouched = append(d.plan.vouched, o)
	}
	d.plan.Unchanged.add(o.Size)
	d.plan.next.Objects = append(d.plan.next.Objects, entry)
}

// keep sees to it that the content of a page can be brought back after it is gone from its key.
func (d *differ) keep(old Entry) {
	copied, ok := old.copied()
	if !ok {
		return
	}
	if _, there := d.kept[copied.ref()]; !there {
		d.plan.keeps = append(d.plan.keeps, keep{from: old.Key, was: old.ETag, to: copied.Object})
	}
	d.kept[copied.ref()] = Tombstone{Entry: copied, Generation: d.plan.next.Generation, Time: d.rules.Now, Of: old.Key}
}

// copied returns the entry of a content when it is put aside, and whether that is what brings it back.
func (e Entry) copied() (copied Entry, ok bool) {
	if e.Immutable || e.Version != "" || e.SHA256 == "" {
		return Entry{}, false
	}
	copied = e
	copied.Key = keptPrefix + e.SHA256
	return copied, true
}

// leave deletes what is no longer part of the site, or lets it stay for now.
func (d *differ) leave(t Tombstone) {
	isDue := d.plan.next.Generation > t.Generation && d.rules.Now.Sub(t.Time) >= Grace
	if !isDue && !d.rules.PruneNow {
		d.plan.Gone = append(d.plan.Gone, t)
		return
	}
	if !d.rules.PruneNow {
		d.keep(t.Entry)
	}
	d.delete(Deletion{t.ref(), t.Size, t.Wave})
	d.stale[t.Side] = append(d.stale[t.Side], t.Key)
}

// letGo parts with kept contents that no generation within reach shows, and with those of pages to be forgotten.
func (d *differ) letGo() {
	for ref, t := range d.kept {
		isOver := d.plan.next.Generation-t.Generation >= keptGenerations
		if isOver || d.rules.PruneNow && !d.local[Ref{t.Side, t.Of}] {
			d.delete(Deletion{Ref: ref, Size: t.Size})
			continue
		}
		d.plan.next.Gone = append(d.plan.next.Gone, t)
	}
}

// sweep goes on with what was to be deleted, but for what is needed again. Caches have been told already to forget it,
// and may have been filled again from it since.
func (d *differ) sweep(doomed []Deletion) {
	needed := maps.Clone(d.local)
	for i := range d.plan.Gone {
		needed[d.plan.Gone[i].ref()] = true
	}
	for ref := range d.kept {
		needed[ref] = true
	}
	for _, doomed := range doomed {
		if !strings.HasPrefix(doomed.Key, StatePrefix) {
			d.stale[doomed.Side] = append(d.stale[doomed.Side], doomed.Key)
		}
		if !needed[doomed.Ref] {
			d.delete(doomed)
		}
	}
}

func (d *differ) delete(doomed Deletion) {
	if strings.HasPrefix(doomed.Key, StatePrefix) {
		d.plan.housekeeping = append(d.plan.housekeeping, doomed)
		return
	}
	d.plan.Deletes = append(d.plan.Deletes, doomed)
}

// finish sorts the plan.
func (d *differ) finish() {
	p := d.plan
	p.next.Gone = append(p.next.Gone, p.Gone...)
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Wave, b.Wave), cmp.Compare(b.Size, a.Size), compareRefs(a.ref(), b.ref()))
	})
	slices.SortFunc(p.Deletes, compareDeletions)
	slices.SortFunc(p.Gone, func(a, b Tombstone) int { return compareRefs(a.ref(), b.ref()) })
	slices.SortFunc(p.housekeeping, compareDeletions)
	p.Invalidate = map[Side][]string{}
	for _, side := range slices.Sorted(maps.Keys(d.stale)) {
		if d.rules.CDN[side] {
			p.Invalidate[side] = invalidation(d.stale[side], p.next.keys(side))
		}
	}
}

func compareDeletions(a, b Deletion) int {
	return cmp.Or(cmp.Compare(b.Wave, a.Wave), compareRefs(a.Ref, b.Ref))
}

// keys returns the keys of one side's objects that caches may hold in an outdated form.
func (m *Manifest) keys(side Side) []string {
	var keys []string
	for i := range m.Objects {
		if m.Objects[i].Side == side && !m.Objects[i].Immutable {
			keys = append(keys, m.Objects[i].Key)
		}
	}
	return keys
}
