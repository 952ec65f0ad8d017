package output

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"matinee/internal/diag"
)

// checkList reports names that no folder can have, and names that cannot be in one folder together: the same name
// twice, names that differ in case or composition alone (one file on macOS and Windows), and a file that is also a
// folder. A list is refused on every system alike, so that a site that builds on one builds on all.
func checkList(files []File) error {
	var problems []error
	byName := make(map[string]string, len(files)) // folded name → name
	for i := range files {
		f := &files[i]
		if (f.Write == nil) == (f.Source == "") || f.Source != "" && f.SHA256 == "" {
			panic("output: " + f.Path + " needs either Write or Source with its SHA256")
		}
		if err := checkName(f.Path); err != nil {
			problems = append(problems, diag.At("", 0, "the site cannot have a file %q: %v", f.Path, err))
			continue
		}
		folded := fold(f.Path)
		if other, taken := byName[folded]; taken {
			problems = append(problems, sameName(other, f.Path))
			continue
		}
		byName[folded] = f.Path
	}
	for i := range files {
		for dir := parent(fold(files[i].Path)); dir != ""; dir = parent(dir) {
			if other, taken := byName[dir]; taken {
				problems = append(problems, diag.At("", 0, "%q would be both a file and the folder of %q", other, files[i].Path))
			}
		}
	}
	return errors.Join(problems...)
}

func sameName(a, b string) error {
	if a == b {
		return diag.At("", 0, "two pages or files of the site have the address %q", a).
			WithHint("give one of them another slug or name")
	}
	return diag.At("", 0, "%q and %q are the same file on systems that do not tell them apart", min(a, b), max(a, b)).
		WithHint("give one of them another slug or name")
}

// checkName reports why name cannot be a path in the folder on this system.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("its name is not UTF-8")
	case !fs.ValidPath(name) || name == ".":
		return errors.New("it is not a path inside the site")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }):
		return errors.New("its name has a backslash or a control character")
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > 255 { // NAME_MAX of ext4, APFS and NTFS, in bytes where it is smallest
			return fmt.Errorf("%.20q… is longer than 255 bytes", element)
		}
		if runtime.GOOS == "windows" && !validOnWindows(element) {
			return fmt.Errorf("the name %q is not allowed on Windows", element)
		}
	}
	return nil
}

// validOnWindows reports whether an element of a path can be a file name there: see "Naming Files, Paths, and
// Namespaces" in the Win32 documentation.
func validOnWindows(element string) bool {
	if strings.ContainsAny(element, `<>:"|?*`) || strings.HasSuffix(element, ".") || strings.HasSuffix(element, " ") {
		return false
	}
	base, _, _ := strings.Cut(strings.ToUpper(element), ".")
	base = strings.TrimRight(base, " ")
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	device, isDevice := strings.CutPrefix(base, "COM")
	if !isDevice {
		device, isDevice = strings.CutPrefix(base, "LPT")
	}
	return !isDevice || utf8.RuneCountInString(device) != 1 || !strings.ContainsAny(device, "0123456789¹²³")
}

// fold maps names that are one file on a file system that ignores case and Unicode composition to one string.
func fold(name string) string {
	return strings.ToLower(strings.ToUpper(norm.NFC.String(name)))
}

// parent is the folder of a slash-separated name, "" at the root.
func parent(name string) string {
	return name[:max(0, strings.LastIndexByte(name, '/'))]
}
