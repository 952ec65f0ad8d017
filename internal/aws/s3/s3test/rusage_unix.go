//go:build unix

package s3test

import (
	"os"
	"runtime"
	"syscall"
)

// PeakMB is the largest resident memory that a process that has ended ever had, in megabytes; 0 when that is not known.
func PeakMB(state *os.ProcessState) float64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin": // where it is in bytes, and elsewhere in kilobytes
		return float64(usage.Maxrss) / 1e6
	}
	return float64(usage.Maxrss) / 1e3
}
