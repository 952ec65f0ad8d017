// Package testenv says what tests need of the machine they run on.
//
// On a machine of somebody who tries the project, a test whose tool is missing is skipped, and says which. Where
// everything has to be tested, which is where the variable CI is set, a missing tool is a failure: nothing is ever
// skipped there. This is the only package that skips tests; the linter sees to that.
package testenv

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// CI says whether everything has to be tested.
func CI() bool { return os.Getenv("CI") != "" }

// Missing ends a test because the machine lacks what it needs: "nginx is not installed (apt-get install nginx)".
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if CI() {
		t.Fatalf(format, args...)
	}
	t.Skipf("NOT TESTED: "+format, args...) //nolint:forbidigo // here alone
}

// Program finds programs on the path, all of which a test needs, and returns where the first of them is.
func Program(t testing.TB, names ...string) string {
	t.Helper()
	var first string
	for i, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			Missing(t, "%s is not installed", name)
		}
		if i == 0 {
			first = path
		}
	}
	return first
}

// Unix ends tests that need programs written in shell, or errors and file names as Unix has them.
func Unix(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		Missing(t, "Windows has no shell scripts, and other errors")
	}
}

// Long ends tests that take minutes when short ones are asked for.
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("NOT TESTED: it takes minutes; leave -short out") //nolint:forbidigo // asked for, and not in CI
	}
}
