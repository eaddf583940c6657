package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ingressCommand passes requests on to the Services that Ingresses name, by host and the longest path.
func ingressCommand() *cobra.Command {
	var kubeconfig, listen, class string
	command := &cobra.Command{Use: "ingress", RunE: func(_ *cobra.Command, _ []string) error {
		client, err := clientOf(kubeconfig)
		if err != nil {
			return err
		}
		var routes atomic.Pointer[[]route]
		routes.Store(&[]route{})
		go func() {
			for ; ; time.Sleep(time.Second) {
				found, err := routesOf(context.Background(), client, class, listen)
				if err != nil {
					log.Print(err)
					continue
				}
				routes.Store(&found)
			}
		}()
		proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
			request.SetXForwarded()
			request.SetURL(request.In.Context().Value(target{}).(*url.URL))
			request.Out.Host = request.In.Host
		}}
		return http.ListenAndServe(listen, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			found := chosen(*routes.Load(), request)
			if found == nil {
				http.Error(answer, "no Ingress has this host and path", http.StatusNotFound)
				return
			}
			proxy.ServeHTTP(answer, request.WithContext(context.WithValue(request.Context(), target{}, found)))
		}))
	}}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	command.Flags().StringVar(&listen, "listen", "", "the address to answer on")
	command.Flags().StringVar(&class, "class", "", "the class of Ingress that is ours")
	return command
}

type target struct{}

type route struct {
	host, path string
	isExact    bool
	url        *url.URL
}

func chosen(routes []route, request *http.Request) *url.URL {
	host, _, err := net.SplitHostPort(request.Host)
	if err != nil {
		host = request.Host
	}
	var best *route
	for index := range routes {
		each := &routes[index]
		path := request.URL.Path
		below := strings.HasPrefix(path, strings.TrimSuffix(each.path, "/")+"/")
		matches := path == each.path || !each.isExact && below
		if each.host != "" && each.host != host || !matches {
			continue
		}
		if best == nil || len(each.path) > len(best.path) {
			best = each
		}
	}
	if best == nil {
		return nil
	}
	return best.url
}

// routesOf lists the routes of all Ingresses of our class, and writes our address into their status.
func routesOf(ctx context.Context, client *kubernetes.Clientset, class, listen string) ([]route, error) {
	ingresses, err := client.NetworkingV1().Ingresses("").List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	var routes []route
	for _, ingress := range ingresses.Items {
		if ingress.Spec.IngressClassName == nil || *ingress.Spec.IngressClassName != class {
			continue
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for _, path := range rule.HTTP.Paths {
				address, err := addressOf(ctx, client, ingress.Namespace, path.Backend.Service)
				if err != nil {
					log.Print(err)
					continue
				}
				isExact := path.PathType != nil && *path.PathType == networking.PathTypeExact
				routes = append(routes, route{rule.Host, path.Path, isExact, address})
			}
		}
		if len(ingress.Status.LoadBalancer.Ingress) == 0 {
			host, _, _ := net.SplitHostPort(listen)
			ingress.Status.LoadBalancer.Ingress = []networking.IngressLoadBalancerIngress{{IP: host}}
			if _, err := client.NetworkingV1().Ingresses(ingress.Namespace).UpdateStatus(ctx, &ingress, meta.UpdateOptions{}); err != nil {
				log.Print(err)
			}
		}
	}
	return routes, nil
}

func addressOf(ctx context.Context, client *kubernetes.Clientset, namespace string,
	backend *networking.IngressServiceBackend) (*url.URL, error) {
	if backend == nil {
		return nil, fmt.Errorf("an Ingress of %s names no Service", namespace)
	}
	service, err := client.CoreV1().Services(namespace).Get(ctx, backend.Name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	host := service.Spec.ClusterIP
	for _, port := range service.Spec.Ports {
		if port.Name != backend.Port.Name && port.Port != backend.Port.Number {
			continue
		}
		number := port.Port
		if host == "None" { // a headless Service: its name stands for its pods, on their own port
			endpoints, err := client.DiscoveryV1().EndpointSlices(namespace).List(ctx, meta.ListOptions{LabelSelector: "kubernetes.io/service-name=" + backend.Name})
			if err != nil {
				return nil, err
			}
			for _, slice := range endpoints.Items {
				for _, endpoint := range slice.Endpoints {
					if len(endpoint.Addresses) > 0 && len(slice.Ports) > 0 {
						host, number = endpoint.Addresses[0], *slice.Ports[0].Port
					}
				}
			}
		}
		return &url.URL{Scheme: "http", Host: fmt.Sprintf("%s:%d", host, number)}, nil
	}
	return nil, fmt.Errorf("Service %s/%s has no such port", namespace, backend.Name)
}
