package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// newEtcdCommand is a single etcd member with the few flags that a control plane of one machine
// needs.  Embedded, because Debian 12's etcd is too old for watch progress requests.
func newEtcdCommand() *cobra.Command {
	var dataDir, client, advertised, peer string
	cmd := &cobra.Command{
		Use:          "etcd",
		Short:        "A single etcd member on loopback",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return runEtcd(dataDir, client, peer)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "folder of the data")
	cmd.Flags().StringVar(&client, "listen-client-urls", "", "URL for clients")
	cmd.Flags().StringVar(&advertised, "advertise-client-urls", "", "the same URL, as the original wants it")
	cmd.Flags().StringVar(&peer, "listen-peer-urls", "", "URL for peers")
	return cmd
}

func runEtcd(dataDir, client, peer string) error {
	clientURL, err := url.Parse(client)
	if err != nil {
		return err
	}
	peerURL, err := url.Parse(peer)
	if err != nil {
		return err
	}
	cfg := embed.NewConfig()
	cfg.Dir = dataDir
	cfg.UnsafeNoFsync = true // the data lives as long as the stack
	cfg.LogLevel = "warn"
	cfg.ListenClientUrls = []url.URL{*clientURL}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.ListenPeerUrls = []url.URL{*peerURL}
	cfg.AdvertisePeerUrls = cfg.ListenPeerUrls
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(time.Minute):
		server.Close()
		return fmt.Errorf("etcd was not ready within a minute")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-stop:
		server.Close()
		return nil
	case err := <-server.Err():
		return err
	}
}
