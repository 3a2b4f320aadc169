package ward

import (
	"sort"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// This file turns the answers of service into what the pages show, so that
// they need not know the packages the answers come from.
