// Command pulumi-language-nodejs is the language host with which the Pulumi CLI of this module runs Node.js programs.
//
// Pulumi's own is in a module of its own that cannot be had from the module proxy. Like that one, this starts the runner
// that the Node.js SDK brings along, with the same flags and environment variables (pulumi/pulumi,
// sdk/nodejs/cmd/pulumi-language-nodejs/main.go), for programs and for policy packs. It does nothing else: it installs,
// generates and packs nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// How a program ends whose error the SDK has shown already (sdk/nodejs/cmd/run/index.ts).
const exitCodeOfShownError = 32

// A CLI that was killed does not end its plugins; its program would go on for ever.
const engineCheck = time.Second

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: pulumi-language-nodejs <address of the engine>")
	}
	engine := os.Args[len(os.Args)-1]
	engineLives, cancel := context.WithCancel(context.Background())
	if err := rpcutil.Healthcheck(engineLives, engine, engineCheck, cancel); err != nil {
		log.Fatal(err)
	}
	stop := make(chan bool)
	go func() {
		<-engineLives.Done()
		close(stop)
	}()
	served, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine, engineLives: engineLives})
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(served.Port)
	if err := <-served.Done; err != nil {
		log.Fatal(err)
	}
}

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine      string
	engineLives context.Context
}

func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// GetRequiredPackages names the packages of the @pulumi scope that have a provider.
func (*host) GetRequiredPackages(
	_ context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	scope, err := findPackage(request.GetInfo().GetProgramDirectory(), "@pulumi")
	if err != nil {
		return nil, err
	}
	manifests, err := filepath.Glob(filepath.Join(scope, "*", "package.json"))
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var manifest struct {
			Version string
			Pulumi  struct {
				Resource bool
				Name     string
			}
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if manifest.Pulumi.Resource {
			response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
				Name: manifest.Pulumi.Name, Kind: "resource", Version: manifest.Version,
			})
		}
	}
	return response, nil
}

func (h *host) Run(_ context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := request.GetInfo()
	runner, err := findRunner(info.GetProgramDirectory(), "run")
	if err != nil {
		return nil, err
	}
	environment, err := environmentOf(request)
	if err != nil {
		return nil, err
	}
	args := []string{runner}
	for _, flag := range []struct{ name, value string }{
		{"monitor", request.GetMonitorAddress()},
		{"engine", h.engine},
		{"organization", request.GetOrganization()},
		{"project", request.GetProject()},
		{"root-directory", info.GetRootDirectory()},
		{"stack", request.GetStack()},
		{"pwd", request.GetPwd()},
		{"parallel", strconv.Itoa(int(request.GetParallel()))},
	} {
		if flag.value != "" {
			args = append(args, "--"+flag.name, flag.value)
		}
	}
	if request.GetDryRun() {
		args = append(args, "--dry-run")
	}
	program := exec.CommandContext(h.engineLives, "node", append(append(args, info.GetEntryPoint()), request.GetArgs()...)...)
	program.Dir = request.GetPwd()
	program.Env = append(os.Environ(), environment...)
	// The CLI shows what a language host prints.
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := program.Run(); err != nil && !errors.As(err, &exit) {
		return nil, err
	} else if err == nil {
		return &pulumirpc.RunResponse{}, nil
	}
	if exit.ExitCode() == exitCodeOfShownError {
		return &pulumirpc.RunResponse{Bail: true}, nil
	}
	return &pulumirpc.RunResponse{
		Error: fmt.Sprintf("Program exited with non-zero exit code: %d", exit.ExitCode()),
	}, nil
}

// RunPlugin runs a policy pack. It is told the stack's configuration as a program is, which the engine says to the analyzer
// that it believes to talk to: the SDK's proxy takes that, and then stands between the two.
func (h *host) RunPlugin(
	request *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer,
) error {
	if request.GetKind() != string(apitype.AnalyzerPlugin) {
		return fmt.Errorf("this language host runs policy packs, and no plugin of the kind %q", request.GetKind())
	}
	pack := request.GetInfo().GetProgramDirectory()
	runner, err := findRunner(pack, "run-policy-pack")
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	proxy, stdout, err := sdk.NewPolicyProxy(server.Context(), stdout)
	if err != nil {
		return err
	}
	configuration, err := proxy.AwaitConfiguration(server.Context())
	if err != nil {
		return err
	}
	environment := request.GetEnv()
	if configuration != nil {
		config, err := json.Marshal(configuration.GetConfig())
		if err != nil {
			return err
		}
		environment = append(environment,
			"PULUMI_CONFIG="+string(config),
			"PULUMI_NODEJS_PROJECT="+configuration.GetProject(),
			"PULUMI_NODEJS_STACK="+configuration.GetStack(),
		)
	}
	// The pack comes last, and is the folder that it runs in.
	program := exec.CommandContext(server.Context(), "node", append(append([]string{runner}, request.GetArgs()...), pack)...)
	program.Dir, program.Env = pack, environment
	program.Stdout, program.Stderr = stdout, stderr
	if err := program.Start(); err != nil {
		return err
	}
	return proxy.Attach(server.Context(), program)
}

// environmentOf is the configuration and the options of the project's runtime, as the SDK reads them.
func environmentOf(request *pulumirpc.RunRequest) ([]string, error) {
	config, err := json.Marshal(request.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(request.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	environment := []string{"PULUMI_CONFIG=" + string(config), "PULUMI_CONFIG_SECRET_KEYS=" + string(secretKeys)}
	typescript := true
	for name, value := range request.GetInfo().GetOptions().AsMap() {
		switch name {
		case "typescript":
			typescript = value == true
		case "tsconfig":
			path := filepath.Join(request.GetInfo().GetProgramDirectory(), fmt.Sprint(value))
			environment = append(environment, "PULUMI_NODEJS_TSCONFIG_PATH="+path)
		default:
			// Otherwise it would be left out in silence.
			return nil, fmt.Errorf("Pulumi.yaml: runtime.options.%s cannot be followed by this language host", name)
		}
	}
	return append(environment, "PULUMI_NODEJS_TYPESCRIPT="+strconv.FormatBool(typescript)), nil
}

// findRunner looks for one of the programs that the SDK starts others with.
func findRunner(from, name string) (string, error) {
	sdk, err := findPackage(from, "@pulumi/pulumi")
	return filepath.Join(sdk, "cmd", name), err
}

// findPackage looks for a folder of a package where Node.js would find the package from a folder.
func findPackage(from, name string) (string, error) {
	for folder := from; ; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, "node_modules", filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not installed for %s. Run `npm ci`", name, from)
		}
	}
}
