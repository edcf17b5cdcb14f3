package runner

import "strings"

// TLS 1.2 and DTLS 1.2 have most of their rules in common, but many tests of BoGo speak TLS alone. This adds a copy over
// DTLS of each one that is pinned to version 1.2, under the name NAME-OverDTLS. A copy may make no sense: which do is for
// the shim's configuration to say.
func addTLS12TestsOverDTLS() {
	for _, test := range testCases[:len(testCases):len(testCases)] {
		pinned := test.config.MinVersion == VersionTLS12 && test.config.MaxVersion == VersionTLS12 ||
			test.config.MinVersion == 0 && test.config.MaxVersion == VersionTLS12
		skipped := strings.Contains(test.name, "-Hints") || strings.Contains(test.name, "-Split")
		if test.protocol != tls || !pinned || skipped {
			continue
		}
		test.protocol = dtls
		test.name += "-OverDTLS"
		testCases = append(testCases, test)
	}
}
