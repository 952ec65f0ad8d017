package bucket

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// How many requests are made at once, and how often one is tried. The three tries that are usual lose a file where 7 of
// 100 requests fail.
const (
	startAtOnce  = 8
	maxAtOnce    = 128
	worthwhile   = 1.3                    // times the answers, for twice the requests at once
	smallSize    = 1 << 20                // bytes, of requests that are counted
	leastRounds  = 6                      // of as many answers as there are requests at once, to be counted
	leastTime    = 100 * time.Millisecond // that they are counted for
	halfLife     = 5 * time.Second        // of what is known of the rate of answers
	firstRest    = 2 * time.Second        // after more at once was no use
	maxRest      = 2 * time.Minute
	tries        = 8
	firstPause   = 100 * time.Millisecond // the pause before try n+1 is random up to firstPause·2ⁿ, and maxPause
	maxPause     = 10 * time.Second
	leastBetween = time.Second     // halvings
	afterHalving = 5 * time.Second // until more are tried again
)

// traffic is the flow of requests to the stores. It doubles how many of them go at once for as long as that brings more
// answers, which is up to a hundred where answers take long and a dozen where the line, the server or this machine has
// enough to do; it halves them as soon as a store asks for that.
type traffic struct {
	rand  func() float64 // in [0, 1)
	slots chan struct{}  // what may begin

	mu       sync.Mutex
	limit    int  // slots there are, handed out or not
	surplus  int  // of them, to be withdrawn when they come back
	full     bool // somebody waits for a slot, so answers are counted
	halved   time.Time
	window   time.Time // since when they are
	answers  int       // since then
	rate     float64   // answers a second, the best of late
	step     int       // slots added last, which have yet to prove of use
	isNew    bool      // they are, and so are their connections: what would be counted now says nothing
	rest     time.Duration
	restsTil time.Time
}

func newTraffic(random func() float64) *traffic {
	if random == nil {
		random = rand.Float64
	}
	t := &traffic{rand: random, slots: make(chan struct{}, maxAtOnce), rest: firstRest}
	t.grow(startAtOnce)
	return t
}

// enter waits until another request may be made.
func (t *traffic) enter(ctx context.Context) error {
	select {
	case <-t.slots:
		return nil
	default:
	}
	t.mu.Lock()
	if !t.full {
		t.full, t.window, t.answers = true, time.Now(), 0
	}
	t.mu.Unlock()
	select {
	case <-t.slots:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave gives the slot back.
func (t *traffic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.surplus > 0 {
		t.surplus--
		t.limit--
		return
	}
	t.slots <- struct{}{}
}

// observe learns from an answer to a request of a size in bytes. Large ones say nothing of how many small ones may go at
// once, and what was counted beside them does neither.
func (t *traffic) observe(size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if size >= smallSize {
		t.full = false
	}
	if !t.full {
		return
	}
	t.answers++
	now := time.Now()
	elapsed := now.Sub(t.window)
	switch rounds := t.answers / (t.limit - t.surplus); {
	case t.isNew && rounds >= 2:
		t.isNew, t.full = false, false
		return
	case t.isNew || rounds < leastRounds || elapsed < leastTime:
		return
	}
	t.full = false
	rate := float64(t.answers) / elapsed.Seconds()
	t.rate *= math.Exp2(-elapsed.Seconds() / halfLife.Seconds())
	t.adjust(now, rate)
	t.rate = max(t.rate, rate)
}

// adjust takes back what was added last if that was no use, and adds more otherwise.
func (t *traffic) adjust(now time.Time, rate float64) {
	switch {
	case t.step > 0 && rate < worthwhile*t.rate: // the longer until the next time, the more often it was no use
		t.surplus += t.step
		t.step, t.restsTil, t.rest = 0, now.Add(t.rest), min(2*t.rest, maxRest)
	case now.After(t.restsTil):
		t.step = min(t.limit-t.surplus, maxAtOnce-(t.limit-t.surplus))
		t.grow(t.step)
		t.isNew = t.step > 0
	}
}

func (t *traffic) grow(by int) {
	for range by {
		if t.surplus > 0 {
			t.surplus--
			continue
		}
		t.limit++
		t.slots <- struct{}{}
	}
}

// slow halves the number of requests at once, at most once a second: the answers to those under way say the same.
func (t *traffic) slow() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.halved) < leastBetween {
		return
	}
	t.halved = now
	t.surplus = max(t.surplus, t.limit-max(1, (t.limit-t.surplus)/2))
	t.step, t.rate, t.full, t.restsTil = 0, 0, false, now.Add(afterHalving)
}

// try makes a request, and again if it fails in a way that may pass.
func (t *traffic) try(ctx context.Context, do func() error) error {
	var err error
	for n := range tries {
		if err = do(); err == nil || !mayPass(err) || ctx.Err() != nil {
			break
		}
		if errors.Is(err, ErrSlowDown) || errors.Is(err, context.DeadlineExceeded) {
			t.slow()
		}
		if n == tries-1 {
			return fmt.Errorf("%w (tried %d times)", err, tries)
		}
		pause := time.NewTimer(time.Duration(t.rand() * float64(min(maxPause, firstPause<<n))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// each calls do for 0 … n-1, each in a slot of the traffic, and stops at the first error.
func (p *Publisher) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	one := func(i int) {
		defer p.flow().leave()
		if err := do(ctx, i); err != nil {
			stop(err)
		}
	}
	var group sync.WaitGroup
	more := make(chan int) // for those who are done with one: their stacks have grown to what it takes
	for i := range n {
		if p.flow().enter(ctx) != nil {
			break
		}
		select {
		case more <- i:
		default:
			group.Go(func() {
				one(i)
				for i := range more {
					one(i)
				}
			})
		}
	}
	close(more)
	group.Wait()
	return context.Cause(ctx)
}

// mayPass reports whether an error may not come again.
func mayPass(err error) bool {
	for _, lasting := range []error{ErrNotFound, ErrPrecondition, ErrRefused, ErrLockLost} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}
