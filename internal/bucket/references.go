package bucket

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"matinee/internal/diag"
)

// checkReferences holds that everything a page or playlist needs is published with it or there already. Of what the
// plan does not know, the bucket is asked: somebody else may have put it there. When something goes out of the site,
// that is held of the pages that do not change, too.
func (p *Publisher) checkReferences(ctx context.Context, plan *Plan, local []Object) error {
	if p.Refs == nil {
		return nil
	}
	published := make(map[Ref]bool, len(local))
	for _, o := range local {
		published[o.ref()] = true
	}
	missing := map[Ref]string{} // to who refers to it
	for _, o := range plan.referring(local) {
		refs, err := p.Refs(o)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if !published[ref] && missing[ref] == "" {
				missing[ref] = o.Key
			}
		}
	}
	return p.lookUp(ctx, plan, missing)
}

// referring returns the pages and playlists whose references have to be checked.
func (p *Plan) referring(local []Object) []Object {
	var list []Object
	if p.Dropped > 0 {
		for i := range local {
			if local[i].Wave != Files && !local[i].Remote {
				list = append(list, local[i])
			}
		}
		return list
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Wave != Files && c.Reason != HeadersOnly {
			list = append(list, c.Object)
		}
	}
	return list
}

// leaving returns what is in the buckets and will be deleted, now or later.
func (p *Plan) leaving() map[Ref]bool {
	refs := make(map[Ref]bool, len(p.Gone)+len(p.Deletes))
	for i := range p.Gone {
		refs[p.Gone[i].ref()] = true
	}
	for _, d := range p.Deletes {
		refs[d.Ref] = true
	}
	return refs
}

// checkVouched holds that what somebody else is to have put there is there. Objects of one folder are looked for together.
func (p *Publisher) checkVouched(ctx context.Context, plan *Plan) error {
	folders := map[Ref][]Object{}
	for _, o := range plan.vouched {
		folder := Ref{o.Side, path.Dir(o.Key) + "/"}
		folders[folder] = append(folders[folder], o)
	}
	var problems []*diag.Problem
	for folder, objects := range folders {
		sizes := map[string]int64{}
		err := p.listUnder(ctx, folder.Side, folder.Key, &plan.Requests, func(l Listed) error {
			sizes[l.Key] = l.Size
			return nil
		})
		if err != nil {
			return err
		}
		for _, o := range objects {
			if size, there := sizes[o.Key]; !there || size != o.Size {
				problems = append(problems, diag.At(o.Key, 0, "it is not in %s, where it was when the site was built", p.place(o.Side).Name).
					WithHint("delete .matinee/cache and build again; then it is made again"))
			}
		}
	}
	diag.Sort(problems)
	return joinProblems(problems)
}

// lookUp reports those of the missing objects that are not in the buckets either, or not for long.
func (p *Publisher) lookUp(ctx context.Context, plan *Plan, missing map[Ref]string) error {
	leaving := plan.leaving()
	var problems []*diag.Problem
	for ref, from := range missing {
		var page []Listed
		err := p.flow().try(ctx, func() (err error) {
			page, _, err = p.place(ref.Side).Store.List(ctx, ref.Key, "")
			return err
		})
		if err != nil {
			return err
		}
		if len(page) == 0 || page[0].Key != ref.Key || leaving[ref] {
			problems = append(problems, diag.At(from, 0, "it needs %s, which is not part of the site", ref.Key).
				WithHint("put the file into static/, or mend the post, and build again"))
		}
	}
	diag.Sort(problems)
	return joinProblems(problems)
}

func joinProblems(problems []*diag.Problem) error {
	if len(problems) > shownItems {
		more := fmt.Sprintf("and %d more files are missing", len(problems)-shownItems)
		problems = append(slices.Clip(problems[:shownItems]), diag.At("", 0, "%s", more))
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
