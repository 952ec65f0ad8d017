package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// How many requests are made at once, and how often one is tried. Measured against a server 30 ms away, 64 at once
// saturate two cores, and the three tries that are usual lose a file where 7 of 100 requests fail.
const (
	startAtOnce = 32
	maxAtOnce   = 128
	stepAtOnce  = 8
	tries       = 8
	firstPause  = 100 * time.Millisecond // the pause before try n+1 is random up to firstPause·2ⁿ, and maxPause
	maxPause    = 10 * time.Second
)

// traffic is the flow of requests to the stores. It lets more of them go at once while answers come no later for it,
// and half as many as soon as a store asks for that.
type traffic struct {
	rand  func() float64 // in [0, 1)
	slots chan struct{}  // what may begin

	mu       sync.Mutex
	limit    int // slots there are, handed out or not
	surplus  int // of them, to be withdrawn when they come back
	waited   bool
	halved   time.Time
	window   time.Time     // beginning of the second being measured
	latency  time.Duration // sum in the window
	finished int           // number in the window
	best     time.Duration // lowest average of a window
}

func newTraffic(random func() float64) *traffic {
	if random == nil {
		random = rand.Float64
	}
	t := &traffic{rand: random, slots: make(chan struct{}, maxAtOnce), limit: startAtOnce, window: time.Now()}
	for range startAtOnce {
		t.slots <- struct{}{}
	}
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
	t.waited = true
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

// observe learns from one answer to a small request.
func (t *traffic) observe(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latency += took
	t.finished++
	if time.Since(t.window) < time.Second {
		return
	}
	average := t.latency / time.Duration(t.finished)
	if t.best == 0 || average < t.best {
		t.best = average
	}
	if t.waited && average <= t.best*3/2 {
		t.grow()
	}
	t.window, t.latency, t.finished, t.waited = time.Now(), 0, 0, false
}

func (t *traffic) grow() {
	for range min(stepAtOnce, maxAtOnce-t.limit) {
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
	if time.Since(t.halved) < time.Second {
		return
	}
	t.halved = time.Now()
	t.surplus = max(t.surplus, t.limit-max(1, (t.limit-t.surplus)/2))
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

// mayPass reports whether an error may not come again.
func mayPass(err error) bool {
	for _, lasting := range []error{ErrNotFound, ErrPrecondition, ErrRefused, ErrLockLost} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}
