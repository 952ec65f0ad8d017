// Package themes holds the themes that are part of the program.
//
// A theme is a folder of templates and assets; package theme says how they are read, and docs/themes.md how to write
// one. The default theme is written to be read: it uses nothing that a theme of a site could not use.
package themes

import (
	"embed"
	"io/fs"
)

// player/dist is filled by "make player" with the player's files and is not kept under version control. A program
// built without them uses the browser's own player.
//
//go:embed default/theme_api default/layouts default/assets default/player/dist
var files embed.FS

// Default is the default theme.
var Default = sub("default")

func sub(name string) fs.FS {
	theme, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // only for a name that is no valid path
	}
	return theme
}
