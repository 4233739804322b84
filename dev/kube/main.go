// One program for the whole control plane of the local stack: it is what the name says under which
// it is called (kube-apiserver, kube-controller-manager, kubectl, etcd).  One binary instead of
// four links once and shares most of its pages.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func command(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllers.NewControllerManagerCommand()
	case "kubectl":
		return kubectl.NewDefaultKubectlCommand()
	case "etcd":
		return newEtcdCommand()
	}
	return nil
}

func main() {
	name := filepath.Base(os.Args[0])
	cmd := command(name)
	if cmd == nil {
		fmt.Fprintf(os.Stderr, "%s: call this program as kube-apiserver, kube-controller-manager, kubectl or etcd\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(cmd))
}
