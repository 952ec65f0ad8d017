package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"matinee/internal/config"
	"matinee/internal/post"
)

func schemaCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema site|post",
		Short: "Print the JSON Schema of site.yaml or of a post's front matter",
		Long: `Schema prints the JSON Schema of site.yaml or of front matter, for editors that
complete and check YAML as it is typed.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"site", "post"},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := config.Schema
			if args[0] == "post" {
				schema = post.Schema
			}
			_, err := fmt.Fprintf(e.stdout, "%s\n", schema())
			return err
		},
	}
}
