package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// lookup finds a program.
func lookup(name, path string) (string, error) {
	if path == "" {
		path = name
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, ErrMissing)
	}
	return path, nil
}

// Installed tells whether the programs are there.
func (c CLI) Installed() bool {
	_, errEncoder := lookup("ffmpeg", c.FFmpeg)
	_, errProbe := lookup("ffprobe", c.FFprobe)
	return errEncoder == nil && errProbe == nil
}

// run runs a program that only looks and returns its standard output.
func (c CLI) run(ctx context.Context, name, path string, args ...string) ([]byte, error) {
	path, err := lookup(name, path)
	if err != nil {
		return nil, err
	}
	limit := c.TimeLimit
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	var stdout bytes.Buffer
	var stderr tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for grandchildren that hold the pipes open
	ownGroup(cmd)
	err = c.runTied(cmd, name)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return nil, failed(name, string(stderr), err)
	}
	return stdout.Bytes(), nil
}

// within is the same with another time limit.
func (c CLI) within(limit time.Duration) CLI {
	c.TimeLimit = limit
	return c
}

// A verdict is what a program said about its input when it gave up.
type verdict struct{ program, text string }

func (v *verdict) Error() string { return v.program + ": " + v.text }

// failed is the error of a program that wrote stderr and ended with err: a *verdict, unless it was killed or the machine
// lacked something, which no file is to blame for.
func failed(name, stderr string, err error) error {
	said := strings.ToLower(stderr)
	for _, lack := range []syscall.Errno{syscall.ENOSPC, syscall.ENOMEM, syscall.EMFILE, syscall.EACCES} {
		if strings.Contains(said, lack.Error()) {
			return fmt.Errorf("%s: %w", name, lack)
		}
	}
	v := &verdict{name, complaint(stderr, err)}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || !exit.Exited() {
		return errors.New(v.Error())
	}
	return v
}

// runTied runs a program that does not outlive us, where the system can see to it. Linux ties a child to the thread
// that started it, so the thread waits.
func (c CLI) runTied(cmd *exec.Cmd, name string) error {
	if c.Started != nil {
		c.Started(name)
	}
	dieWithUs(cmd)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// patience is how long a program may take to end when asked to, before it is killed.
const patience = 5 * time.Second

// A watch says what an encoding may take, and is told how far it has come.
type watch struct {
	report func(done time.Duration) // how much has been written of the film; may be nil
	rate   float64                  // pictures per second, by which that is known; 0: there are none
	longer time.Duration            // more than this is not written of the film; 0: any time
	stall  time.Duration            // without progress for this long it hangs
	limit  time.Duration            // for the whole
	size   func() error             // has something against the size of what has been written; may be nil
}

// encode runs ffmpeg under a watch. It is asked to end when ctx does, and killed when it does not. The returned text is
// what it wrote to standard error.
func (c CLI) encode(ctx context.Context, w watch, args ...string) (stderr string, err error) {
	path, err := lookup("ffmpeg", c.FFmpeg)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(w.limit, func() { cancel(fmt.Errorf("not done within %v", w.limit)) })
	defer limit.Stop()
	hang := time.AfterFunc(w.stall, func() { cancel(fmt.Errorf("no progress for %v", w.stall)) })
	defer hang.Stop()
	var last tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout = &progress{told: func(p progress) {
		if p.advanced {
			hang.Reset(w.stall)
		}
		// With -copyts ffmpeg counts its time from its first report on, so pictures tell more.
		done := p.done
		if w.rate > 0 {
			done = max(done, time.Duration(float64(p.frames)/w.rate*float64(time.Second)))
		}
		if err := w.against(done); err != nil {
			cancel(err)
		}
		if w.report != nil {
			w.report(done)
		}
	}}
	cmd.Stderr = &last
	cmd.WaitDelay = patience
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	err = c.runTied(cmd, "ffmpeg")
	switch {
	case ctx.Err() != nil:
		_ = killGroup(cmd) // what did not end when it was asked to
		return string(last), fmt.Errorf("ffmpeg: %w", context.Cause(ctx))
	case err != nil:
		return string(last), failed("ffmpeg", string(last), err)
	}
	return string(last), nil
}

// against says what speaks against going on.
func (w *watch) against(done time.Duration) error {
	if w.longer > 0 && done > w.longer {
		return errors.New("the film does not end where it says it does")
	}
	if w.size != nil {
		return w.size()
	}
	return nil
}
