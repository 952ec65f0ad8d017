package account

import (
	"context"
	"time"
)

// Sleep pauses between two looks at what AWS does, which all of it takes its time for. It ends early with its context.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
