package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/spf13/cobra"
)

// mirrorCommand lets containerd, which has a network of its own, pull from registries on the loopback of
// this machine. To a mirror containerd names the registry that it wants in the query, as `ns`.
func mirrorCommand() *cobra.Command {
	var listen string
	command := &cobra.Command{Use: "mirror", RunE: func(_ *cobra.Command, _ []string) error {
		proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
			query := request.In.URL.Query()
			request.SetURL(&url.URL{Scheme: "http", Host: query.Get("ns")})
			request.Out.Host = query.Get("ns")
			query.Del("ns")
			request.Out.URL.RawQuery = query.Encode()
		}}
		return http.ListenAndServe(listen, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			host, _, err := net.SplitHostPort(request.URL.Query().Get("ns"))
			if address := net.ParseIP(host); err != nil || host != "localhost" && !address.IsLoopback() {
				http.Error(answer, "only registries on the loopback are mirrored", http.StatusNotFound)
				return
			}
			proxy.ServeHTTP(answer, request)
		}))
	}}
	command.Flags().StringVar(&listen, "listen", "", "the address to answer on")
	return command
}
