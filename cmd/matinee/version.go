package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version = ""

func versionCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(e.stdout, "matinee %s %s %s/%s\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// versionText is the version of a release, or the commit a development build was made from.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

// programKey tells one program from another, so that pages made by an older one are made anew. A development build
// has no version of its own; its file's size and time stand in.
func programKey() string {
	if version != "" {
		return version
	}
	exe, err := os.Executable()
	if err != nil {
		return versionText()
	}
	info, err := os.Stat(exe)
	if err != nil {
		return versionText()
	}
	return fmt.Sprintf("%s %d %d", versionText(), info.Size(), info.ModTime().UnixNano())
}
