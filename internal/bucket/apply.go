package bucket

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"matinee/internal/diag"
)

// maxTransfers is how many objects are under way in parts at once. Their parts take slots like everything else.
const maxTransfers = 16

// A Result is what Apply did.
type Result struct {
	Generation int // that holds now
	Sent       Tally
	Copied     int // by the store itself: headers, and what was brought back
	Deleted    int
	Forgotten  map[Side][]string // paths that networks were told to forget
	Warnings   []string
}

// A DeleteError lists objects that could not be deleted. Everything else is done, and the next publish tries again.
type DeleteError struct{ Failed []KeyError }

func (e *DeleteError) Error() string {
	return fmt.Sprintf("%d objects could not be deleted, the first is %v", len(e.Failed), e.Failed[0])
}

// Apply carries a plan out. The error is a [BusyError], ErrChanged or ErrLockLost when somebody else publishes; in all
// cases what is published is complete, and the next publish takes up what is left. The Result is never nil.
func (p *Publisher) Apply(ctx context.Context, plan *Plan) (*Result, error) {
	a := &application{p: p, plan: plan, total: plan.total(), result: &Result{Generation: plan.base.pointer.current().Number, Forgotten: map[Side][]string{}}}
	a.holds = plan.base.pointer.current().Time
	if plan.Empty() {
		return a.result, nil
	}
	if err := plan.check(p.MaxDeletes, p.Takeover); err != nil {
		return a.result, err
	}
	l, err := p.acquire(ctx, plan)
	if l == nil {
		return a.result, err
	}
	a.lease = l
	if err == nil {
		err = a.locked(ctx)
	}
	if l.pointer.Lock != nil && !errors.Is(err, ErrLockLost) {
		err = errors.Join(err, l.release(ctx))
	}
	if err == nil && p.Wait {
		err = a.wait(ctx)
	}
	return a.result, err
}

// An application is an Apply under way.
type application struct {
	p      *Publisher
	plan   *Plan
	lease  *lease
	result *Result
	holds  time.Time // of the generation that holds: its number comes again when the state of a bucket is lost

	ids map[Side]string // of invalidations

	total Tally // of changes

	mu   sync.Mutex
	done Tally
}

// locked does the work while the lock is held, and stops when it is not.
func (a *application) locked(ctx context.Context) error {
	if a.lease.pointer.Conditional == "no" {
		a.result.Warnings = append(a.result.Warnings, fmt.Sprintf(
			"%s ignores conditions on writes, so there is no lock: make sure that nobody publishes at the same time", a.p.Site.Name))
	}
	ctx, stop := context.WithCancelCause(ctx)
	a.lease.lost = func(err error) { stop(err) }
	beats, end := context.WithCancel(ctx)
	var heart sync.WaitGroup
	heart.Go(func() { a.lease.keep(beats) })
	defer heart.Wait()
	defer end()
	defer stop(nil)

	if a.plan.commits() {
		a.guard()
		if err := a.upload(ctx); err != nil {
			return err
		}
		if err := a.commit(ctx); err != nil {
			return err
		}
	}
	failed := a.deletes(ctx) // before invalidating, or caches would fill with what is about to go
	err := errors.Join(failed, a.invalidate(ctx))
	end()
	heart.Wait()
	if a.lease.pointer.Lock == nil || errors.Is(err, ErrLockLost) {
		return err
	}
	return errors.Join(err, a.lease.write(ctx, func(ptr *pointer) {
		ptr.Lock = nil
		ptr.Sweep = ptr.Sweep && failed != nil
		ptr.Dirty, ptr.Adding = false, nil
		ptr.Pending = map[Side][]string{}
		for side, paths := range a.plan.pending() {
			if _, sent := a.result.Forgotten[side]; !sent && len(paths) > 0 {
				ptr.Pending[side] = paths
			}
		}
	}))
}

// guard makes new objects conditional on nothing being there: by the manifest alone nobody can know of what others have
// put where they go. A plan made by listing does know.
func (a *application) guard() {
	isGuarded := !a.plan.listed && !a.p.Takeover && a.lease.pointer.Conditional == "yes"
	for i := range a.plan.Changes {
		c := &a.plan.Changes[i]
		c.isFree = c.isFree && isGuarded
	}
}

// upload puts contents aside and then carries out the changes, wave by wave.
func (a *application) upload(ctx context.Context) error {
	if err := a.p.each(ctx, len(a.plan.keeps), func(ctx context.Context, i int) error { return a.keep(ctx, a.plan.keeps[i]) }); err != nil {
		return err
	}
	under, err := a.p.unfinished(ctx, a.plan)
	if err != nil {
		return err
	}
	for rest := a.plan.Changes; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(c Change) bool { return c.Wave != rest[0].Wave })
		if n < 0 {
			n = len(rest)
		}
		if err := a.wave(ctx, rest[:n], under); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// wave carries out changes that do not depend on each other, large objects first.
func (a *application) wave(ctx context.Context, changes []Change, under *uploads) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	n := 0 // changes in parts come first, because they are the largest
	for n < len(changes) && a.p.inParts(&changes[n]) {
		n++
	}
	var group sync.WaitGroup
	transfers := make(chan struct{}, maxTransfers)
	for i := range n {
		select {
		case transfers <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		group.Go(func() {
			defer func() { <-transfers }()
			if err := a.change(ctx, &changes[i], under); err != nil {
				stop(err)
			}
		})
	}
	err := a.p.each(ctx, len(changes)-n, func(ctx context.Context, i int) error { return a.change(ctx, &changes[n+i], under) })
	if err != nil {
		stop(err)
	}
	group.Wait()
	return context.Cause(ctx)
}

// change carries out one change.
func (a *application) change(ctx context.Context, c *Change, under *uploads) error {
	if err := a.lease.check(ctx); err != nil {
		return err
	}
	var stored Stored
	var err error
	if c.from == nil {
		stored, err = a.p.send(ctx, c, under)
	} else {
		stored, err = a.copy(ctx, c)
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c.ETag, c.Version = stored.ETag, stored.Version
	a.done.add(c.Size)
	if c.from == nil {
		a.result.Sent.add(c.Size)
	} else {
		a.result.Copied++
	}
	if a.p.Progress != nil {
		a.p.Progress(Progress{Key: c.Key, Done: a.done, Total: a.total})
	}
	return nil
}

// total counts the changes.
func (p *Plan) total() Tally {
	t := Tally{Objects: len(p.Changes)}
	for i := range p.Changes {
		t.Bytes += p.Changes[i].Size
	}
	return t
}

func (a *application) copy(ctx context.Context, c *Change) (stored Stored, err error) {
	err = a.p.flow().try(ctx, func() error {
		if stored, err = a.p.place(c.Side).Store.Copy(ctx, c.Key, *c.from, c.Headers); err == nil {
			a.p.flow().observe(c.Size)
		}
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound):
		err = fmt.Errorf("%s is no longer there to be copied: %w", c.from.Key, err)
	case err == nil && isOther(stored, c.was) && c.isLocal:
		return a.p.sendWhole(ctx, a.p.place(c.Side), c)
	case err == nil && isOther(stored, c.was):
		err = diag.At(c.Key, 0, "its content was to be copied from %s in %s, which somebody has replaced", c.from.Key, a.p.place(c.Side).Name).
			WithHint("build that state of the site from its sources again, and publish it with --verify")
	}
	return stored, err
}

// isOther reports whether the ETag of a copy shows that the source no longer had the content it was published with. Those
// of several parts, and opaque ones, show nothing.
func isOther(stored Stored, was string) bool {
	const plain = 2 * md5.Size
	return !stored.Opaque && len(stored.ETag) == plain && len(was) == plain && stored.ETag != was
}

// keep puts the content of a page aside.
func (a *application) keep(ctx context.Context, k keep) error {
	var stored Stored
	err := a.p.flow().try(ctx, func() (err error) {
		if stored, err = a.p.place(k.to.Side).Store.Copy(ctx, k.to.Key, Source{Key: k.from}, k.to.Headers); err == nil {
			a.p.flow().observe(k.to.Size)
		}
		return err
	})
	isLost := errors.Is(err, ErrNotFound) || isOther(stored, k.was)
	if err != nil && !isLost {
		return err
	}
	if stored.ETag == k.was && !isLost {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.next.Gone = slices.DeleteFunc(a.plan.next.Gone, func(t Tombstone) bool {
		return isLost && t.ref() == k.to.ref() // somebody deleted or replaced the page; there is nothing to keep
	})
	if i := slices.IndexFunc(a.plan.next.Gone, func(t Tombstone) bool { return t.ref() == k.to.ref() }); i >= 0 {
		a.plan.next.Gone[i].ETag = stored.ETag
	}
	return nil
}

// commit writes the manifest, and then the pointer: from there on, the new generation holds.
func (a *application) commit(ctx context.Context) error {
	m := &a.plan.next
	m.Doomed = slices.Concat(a.plan.Deletes, a.plan.housekeeping)
	packed, err := m.marshal()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(packed)
	g := Generation{
		Number: m.Generation, Manifest: fmt.Sprintf("%s%06d-%x.json.gz", manifestPrefix, m.Generation, sum[:4]),
		SHA256: hex.EncodeToString(sum[:]), Time: a.p.now().UTC(), By: a.p.Owner, Note: a.plan.Note,
	}
	if _, err := a.p.putState(ctx, g.Manifest, packed, PutOptions{}); err != nil {
		return err
	}
	err = a.lease.write(ctx, func(ptr *pointer) {
		isTrimmed := func(old Generation) bool {
			return slices.ContainsFunc(a.plan.housekeeping, func(d Deletion) bool { return d.Ref == Ref{Site, old.Manifest} })
		}
		ptr.Generations = append(slices.DeleteFunc(slices.Clone(ptr.Generations), isTrimmed), g)
		ptr.Dirty, ptr.Adding, ptr.Begun = false, nil, a.plan.stillBegun(a.p)
		ptr.Sweep = len(m.Doomed) > 0
		if !ptr.Sweep && len(a.plan.Invalidate) == 0 {
			ptr.Lock = nil
		}
	})
	if err != nil {
		return err
	}
	a.result.Generation, a.holds = g.Number, g.Time
	a.p.remember(bytes.Clone(packed))
	return nil
}

// deletes removes what is doomed, pages before what they need, and goes on to the next wave only when the one before
// is gone. Nothing of the new generation needs any of it.
func (a *application) deletes(ctx context.Context) error {
	doomed := slices.Concat(a.plan.Deletes, a.plan.housekeeping) // the housekeeping is of the wave that comes last
	for len(doomed) > 0 {
		n := slices.IndexFunc(doomed, func(d Deletion) bool { return d.Wave != doomed[0].Wave })
		if n < 0 {
			n = len(doomed)
		}
		if err := a.deleteWave(ctx, doomed[:n]); err != nil {
			return err
		}
		doomed = doomed[n:]
	}
	return nil
}

func (a *application) deleteWave(ctx context.Context, doomed []Deletion) error {
	var failed []KeyError
	for _, side := range a.p.sides() {
		var keys []string
		for _, d := range doomed {
			if d.Side == side {
				keys = append(keys, d.Key)
			}
		}
		for batch := range slices.Chunk(keys, 1000) {
			if err := a.lease.check(ctx); err != nil {
				return err
			}
			some, err := a.deleteBatch(ctx, side, batch)
			if err != nil {
				return err
			}
			a.result.Deleted += len(batch) - len(some)
			failed = append(failed, some...)
		}
	}
	if len(failed) > 0 {
		return &DeleteError{failed}
	}
	return nil
}

// deleteBatch deletes keys, those that failed by themselves a few times more.
func (a *application) deleteBatch(ctx context.Context, side Side, keys []string) (failed []KeyError, err error) {
	for range 3 {
		err = a.p.flow().try(ctx, func() error {
			failed, err = a.p.place(side).Store.Delete(ctx, keys)
			return err
		})
		if err != nil || len(failed) == 0 {
			return nil, err
		}
		keys = nil
		for _, f := range failed {
			keys = append(keys, f.Key)
		}
	}
	return failed, nil
}

// invalidate tells the networks what to forget.
func (a *application) invalidate(ctx context.Context) error {
	a.ids = map[Side]string{}
	var errs []error
	for _, side := range a.p.sides() {
		paths := a.plan.Invalidate[side]
		if len(paths) == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(strings.Join(append([]string{a.holds.Format(time.RFC3339Nano)}, paths...), "\n")))
		reference := fmt.Sprintf("matinee-%d-%x", a.result.Generation, sum[:8])
		err := a.p.flow().try(ctx, func() (err error) {
			a.ids[side], err = a.p.place(side).CDN.Invalidate(ctx, paths, reference)
			return err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: tell the network what to forget: %w", a.p.place(side).Name, err))
			continue
		}
		a.result.Forgotten[side] = paths
	}
	return errors.Join(errs...)
}

// wait waits until the networks have forgotten.
func (a *application) wait(ctx context.Context) error {
	for side, id := range a.ids {
		if err := a.p.place(side).CDN.Wait(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// AwaitLock waits until nobody publishes. When who did has died, that is a few minutes.
func (p *Publisher) AwaitLock(ctx context.Context) error {
	for {
		b, err := p.readPointer(ctx)
		if err != nil {
			return err
		}
		var busy *BusyError
		if !errors.As(b.held(), &busy) {
			return nil
		}
		pause := time.NewTimer(min(busy.ends, 5*time.Second))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}
