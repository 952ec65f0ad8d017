package storetest_test

import (
	"testing"

	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) bucket.Store { return &storetest.Memory{} })
}

func TestUnversioned(t *testing.T) {
	storetest.Run(t, func(*testing.T) bucket.Store { return &storetest.Memory{Unversioned: true} }, "Versions")
}
