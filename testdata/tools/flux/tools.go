//go:build tools

// Package tools keeps the controllers in go.mod, which are built as commands and imported by nothing.
package tools

import (
	_ "github.com/fluxcd/kustomize-controller"
	_ "github.com/fluxcd/source-controller"
)
