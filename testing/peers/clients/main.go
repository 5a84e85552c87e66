// Command clients drives a cluster as Go programs do: it prints a line for each thing that works and ends with 1 when one does not.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const namespace = "peers"

type check struct {
	name string
	run  func(context.Context, *rest.Config) error
}

var checks = []check{
	{"typed client, JSON", typedJSON},
	{"typed client, protobuf", typedProtobuf},
	{"pages and selectors", pages},
	{"typed informers", typedInformers},
	{"dynamic informers of a custom kind", dynamicInformers},
	{"retried watch", retriedWatch},
	{"server-side apply", serverSideApply},
	{"leader election", leaderElection},
	{"reviews and tokens", reviews},
	{"discovery and mapping", discoveryAndMapping},
	{"controller-runtime manager", manager},
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	config.QPS, config.Burst = 1000, 1000
	failed := 0
	if err := prepare(context.Background(), config); err != nil {
		fmt.Println("prepare:", err)
		os.Exit(1)
	}
	for _, c := range checks {
		if len(os.Args) > 1 && os.Args[1] != c.name {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		start := time.Now()
		err := c.run(ctx, rest.CopyConfig(config))
		cancel()
		if err != nil {
			failed++
			fmt.Printf("not ok  %s: %v\n", c.name, err)
			continue
		}
		fmt.Printf("ok      %s (%d ms)\n", c.name, time.Since(start).Milliseconds())
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// until asks again as long as the answer may still change.
func until(ctx context.Context, what string, done func() (bool, error)) error {
	for {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: did not come", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
