// Command controlplane is etcd, kube-apiserver and the controllers of kube-controller-manager that Jobs need, in one program, so
// that it is linked once: the first argument says which, the rest are its own.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|controllers ARGS")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(app.NewAPIServerCommand()))
	case "controllers":
		if err := controllers(); err != nil {
			fmt.Fprintln(os.Stderr, "controllers:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "controlplane: there is no", name)
		os.Exit(2)
	}
}
