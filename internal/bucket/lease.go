package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// The lock's term, and how often its owner says that he is alive. After the term without a sign, anyone may take over.
const (
	lockTerm  = 2 * time.Minute
	heartbeat = 30 * time.Second
)

// A base is a pointer as it was read.
type base struct {
	pointer pointer
	etag    string // "" when there is no pointer
	age     time.Duration
}

// held returns an error while somebody holds the lock.
func (b *base) held() error {
	l := b.pointer.Lock
	if l == nil {
		return nil
	}
	term := time.Duration(l.TTL) * time.Second
	if b.age > term {
		return nil
	}
	return &BusyError{Owner: l.Owner, Since: l.Since, ends: term - b.age + time.Second}
}

// readPointer reads the pointer; a zero base when there is none.
func (p *Publisher) readPointer(ctx context.Context) (base, error) {
	data, content, err := p.read(ctx, PointerKey, maxPointerSize)
	if errors.Is(err, ErrNotFound) {
		return base{pointer: pointer{Version: formatVersion, Site: p.ID}}, nil
	}
	if err != nil {
		return base{}, err
	}
	ptr, err := unmarshalPointer(data)
	if err != nil {
		return base{}, p.riddle(PointerKey, err)
	}
	return base{pointer: *ptr, etag: content.ETag, age: content.Age}, nil
}

// read reads a small object of the site's bucket.
func (p *Publisher) read(ctx context.Context, key string, limit int64) (data []byte, content *Content, err error) {
	err = p.flow().try(ctx, func() error {
		content, err = p.Site.Store.Get(ctx, key)
		if err != nil {
			return err
		}
		data, err = io.ReadAll(io.LimitReader(content, limit+1))
		if err := errors.Join(err, content.Close()); err != nil {
			return err
		}
		if int64(len(data)) > limit {
			return fmt.Errorf("%s is larger than %d bytes: %w", key, limit, ErrRefused)
		}
		return nil
	})
	return data, content, err
}

// A lease is the lock while it is held: the pointer, and the right to write it.
type lease struct {
	p    *Publisher
	lost context.CancelCauseFunc // ends the work when the lock is gone

	mu      sync.Mutex
	pointer pointer
	etag    string
	written time.Time // by the wall clock, which goes on while a laptop sleeps
}

// acquire takes the lock, on condition that the pointer is still what the plan was made from.
func (p *Publisher) acquire(ctx context.Context, plan *Plan) (*lease, error) {
	l := &lease{p: p, pointer: plan.base.pointer, etag: plan.base.etag, lost: func(error) {}}
	err := l.write(ctx, func(ptr *pointer) {
		ptr.Site = p.ID
		ptr.Lock = &lock{ID: rand.Text(), Owner: p.Owner, Since: p.now().UTC(), TTL: int(lockTerm / time.Second)}
		if plan.commits() {
			ptr.Dirty, ptr.Adding, ptr.Begun = true, plan.adding(), plan.begun(p)
		}
		ptr.Pending = plan.pending()
	})
	if err == nil {
		return l, l.probe(ctx)
	}
	if !errors.Is(err, ErrLockLost) {
		return nil, err
	}
	now, err := p.readPointer(ctx)
	if err != nil {
		return nil, err
	}
	if err := now.held(); err != nil {
		return nil, err
	}
	return nil, ErrChanged
}

// adding lists what no manifest knows and may be there from now on, by this publish or by one that died.
func (p *Plan) adding() []added {
	list := slices.Clone(p.base.pointer.Adding)
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Reason == New {
			list = append(list, added{c.ref(), c.Size})
		}
	}
	slices.SortFunc(list, func(a, b added) int { return cmp.Or(compareRefs(a.Ref, b.Ref), cmp.Compare(a.Size, b.Size)) })
	return slices.Compact(list)
}

// inParts reports whether a change is an upload in parts.
func (p *Publisher) inParts(c *Change) bool {
	_, can := p.place(c.Side).Store.(Multipart)
	return can && c.from == nil && c.Size > PartSize
}

// begun lists the uploads that may be unfinished from now on, by this publish or by one that died.
func (p *Plan) begun(by *Publisher) []begun {
	list := slices.Clone(p.base.pointer.Begun)
	for i := range p.Changes {
		c := &p.Changes[i]
		if b := (begun{c.ref(), c.Headers}); by.inParts(c) && !slices.Contains(list, b) {
			list = append(list, b)
		}
	}
	return list
}

// stillBegun lists those that are left when the plan's are finished.
func (p *Plan) stillBegun(by *Publisher) []begun {
	finished := map[Ref]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; by.inParts(c) {
			finished[c.ref()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(p.base.pointer.Begun), func(b begun) bool { return p.listed && finished[b.Ref] })
}

// pending are the paths still to be forgotten: the plan's, and what was left for a network that is not there now.
func (p *Plan) pending() map[Side][]string {
	pending := maps.Clone(p.base.pointer.Pending)
	if pending == nil {
		pending = map[Side][]string{}
	}
	maps.Copy(pending, p.Invalidate)
	return pending
}

// noETag is the ETag of nothing: the pointer never has it.
const noETag = "00000000000000000000000000000000"

// probe finds out, once for each bucket, whether the store keeps to conditions. It tries the one that all writes of a
// pointer but the very first depend on; there are stores that know the other and ignore this one.
func (l *lease) probe(ctx context.Context) error {
	if l.pointer.Conditional == "yes" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stored, err := l.put(ctx, l.pointer, PutOptions{IfMatch: noETag})
	if err == nil { // it wrote over what it must not
		l.etag, l.pointer.Conditional = stored.ETag, "no"
	} else if errors.Is(err, ErrPrecondition) {
		l.pointer.Conditional, err = "yes", nil
	}
	return err
}

// write changes the pointer, if nobody else has since. The error is ErrLockLost when somebody has.
func (l *lease) write(ctx context.Context, change func(*pointer)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writeLocked(ctx, change)
}

// writeLocked is not interrupted: a write of which nobody knows whether it happened would cost the lock.
func (l *lease) writeLocked(ctx context.Context, change func(*pointer)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockTerm-heartbeat)
	defer cancel()
	next := l.pointer
	change(&next)
	if l.pointer.Conditional == "no" && l.etag != "" {
		now, err := l.p.readPointer(ctx)
		if err != nil {
			return err
		}
		if now.etag != l.etag {
			return ErrLockLost
		}
	}
	stored, err := l.put(ctx, next, PutOptions{IfMatch: l.etag, IfAbsent: l.etag == ""})
	if errors.Is(err, ErrPrecondition) {
		stored, err = l.wasUs(ctx, next)
	}
	if err != nil {
		return err
	}
	l.pointer, l.etag, l.written = next, stored.ETag, l.p.now().Round(0)
	return nil
}

func (l *lease) put(ctx context.Context, ptr pointer, options PutOptions) (Stored, error) {
	data, err := json.Marshal(ptr)
	if err != nil {
		return Stored{}, err
	}
	return l.p.putState(ctx, PointerKey, data, options)
}

// wasUs tells an attempt that succeeded, but whose answer was lost, from somebody else's.
func (l *lease) wasUs(ctx context.Context, ptr pointer) (Stored, error) {
	wanted, err := json.Marshal(ptr)
	if err != nil {
		return Stored{}, err
	}
	data, content, err := l.p.read(ctx, PointerKey, maxPointerSize)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Stored{}, err
	}
	if err != nil || !bytes.Equal(data, wanted) {
		return Stored{}, ErrLockLost
	}
	return Stored{ETag: content.ETag}, nil
}

// beat gives a sign of life.
func (l *lease) beat(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pointer.Lock == nil { // given back
		return nil
	}
	return l.writeLocked(ctx, func(ptr *pointer) {
		again := *ptr.Lock
		again.Beat++
		ptr.Lock = &again
	})
}

// keep gives a sign of life now and then until ctx ends, and ends the work when it cannot.
func (l *lease) keep(ctx context.Context) {
	ticks := time.NewTicker(heartbeat)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := l.beat(ctx); err != nil {
			l.lost(err)
			return
		}
	}
}

// check makes sure that the lock is still held. A machine that slept for an hour does not notice it by itself.
func (l *lease) check(ctx context.Context) error {
	l.mu.Lock()
	since := l.p.now().Round(0).Sub(l.written)
	l.mu.Unlock()
	if since < lockTerm-heartbeat {
		return nil
	}
	if err := l.beat(ctx); err != nil {
		l.lost(err)
		return err
	}
	return nil
}

// release gives the lock back, also when the work was interrupted. What is there may then differ from the manifest,
// and the pointer says so.
func (l *lease) release(ctx context.Context) error {
	return l.write(ctx, func(ptr *pointer) { ptr.Lock = nil })
}
