//go:build !unix

package s3test

import "os"

// PeakMB is 0: this system does not say how much memory a process had.
func PeakMB(*os.ProcessState) float64 { return 0 }
