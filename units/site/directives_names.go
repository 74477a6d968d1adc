package site

import "strings"

// directiveNames lists the directives of a [Service] section, up to systemd 257.
// An older systemd passes over the newer ones with a warning in the journal.
func directiveNames() []string {
	return strings.Fields(processDirectives + confinementDirectives + resourceDirectives + serviceDirectives)
}

// processDirectives are those of systemd.exec(5) that set up a process.
const processDirectives = `
	WorkingDirectory RootDirectory RootImage RootImageOptions RootImagePolicy RootEphemeral RootHash RootHashSignature RootVerity
	MountAPIVFS ProtectProc ProcSubset BindPaths BindReadOnlyPaths BindLogSockets MountImages MountImagePolicy
	ExtensionImages ExtensionImagePolicy ExtensionDirectories ExecSearchPath
	User Group DynamicUser SupplementaryGroups SetLoginEnvironment PAMName
	UMask CoredumpFilter KeyringMode OOMScoreAdjust TimerSlackNSec Personality IgnoreSIGPIPE RemoveIPC MemoryKSM
	Nice CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUAffinity NUMAPolicy NUMAMask
	IOSchedulingClass IOSchedulingPriority
	LimitCPU LimitFSIZE LimitDATA LimitSTACK LimitCORE LimitRSS LimitNOFILE LimitAS LimitNPROC LimitMEMLOCK LimitLOCKS
	LimitSIGPENDING LimitMSGQUEUE LimitNICE LimitRTPRIO LimitRTTIME
	Environment EnvironmentFile PassEnvironment UnsetEnvironment
	StandardInput StandardOutput StandardError StandardInputText StandardInputData
	LogLevelMax LogExtraFields LogRateLimitIntervalSec LogRateLimitBurst LogFilterPatterns LogNamespace
	SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix
	TTYPath TTYReset TTYVHangup TTYRows TTYColumns TTYVTDisallocate UtmpIdentifier UtmpMode
	LoadCredential LoadCredentialEncrypted ImportCredential SetCredential SetCredentialEncrypted
	RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve StateDirectory StateDirectoryMode
	CacheDirectory CacheDirectoryMode LogsDirectory LogsDirectoryMode ConfigurationDirectory ConfigurationDirectoryMode
	TimeoutCleanSec`

// confinementDirectives are those of systemd.exec(5) that a sandbox is made of.
const confinementDirectives = `
	CapabilityBoundingSet AmbientCapabilities NoNewPrivileges SecureBits SELinuxContext AppArmorProfile SmackProcessLabel
	ProtectSystem ProtectHome ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths TemporaryFileSystem
	PrivateTmp PrivateDevices PrivateNetwork NetworkNamespacePath PrivateIPC IPCNamespacePath PrivatePIDs PrivateUsers PrivateMounts
	ProtectHostname ProtectClock ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups
	RestrictAddressFamilies RestrictFileSystems RestrictNamespaces RestrictRealtime RestrictSUIDSGID
	LockPersonality MemoryDenyWriteExecute MountFlags
	SystemCallFilter SystemCallErrorNumber SystemCallArchitectures SystemCallLog`

// resourceDirectives are those of systemd.resource-control(5).
const resourceDirectives = `
	CPUAccounting CPUWeight StartupCPUWeight CPUQuota CPUQuotaPeriodSec AllowedCPUs StartupAllowedCPUs
	AllowedMemoryNodes StartupAllowedMemoryNodes
	MemoryAccounting MemoryMin DefaultMemoryMin MemoryLow StartupMemoryLow DefaultMemoryLow DefaultStartupMemoryLow
	MemoryHigh StartupMemoryHigh MemoryMax StartupMemoryMax MemorySwapMax StartupMemorySwapMax
	MemoryZSwapMax StartupMemoryZSwapMax MemoryZSwapWriteback MemoryPressureWatch MemoryPressureThresholdSec
	TasksAccounting TasksMax
	IOAccounting IOWeight StartupIOWeight IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax
	IOReadIOPSMax IOWriteIOPSMax IODeviceLatencyTargetSec
	IPAccounting IPAddressAllow IPAddressDeny IPIngressFilterPath IPEgressFilterPath BPFProgram NFTSet
	SocketBindAllow SocketBindDeny RestrictNetworkInterfaces DeviceAllow DevicePolicy
	Slice Delegate DelegateSubgroup DisableControllers CoredumpReceive
	ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMMemoryPressureDurationSec ManagedOOMPreference`

// serviceDirectives are those of systemd.service(5) and systemd.kill(5).
const serviceDirectives = `
	Type ExitType RemainAfterExit GuessMainPID PIDFile BusName NotifyAccess ReloadSignal
	ExecCondition ExecStartPre ExecStart ExecStartPost ExecReload ExecStop ExecStopPost
	Restart RestartMode RestartSec RestartSteps RestartMaxDelaySec
	RestartPreventExitStatus RestartForceExitStatus SuccessExitStatus
	TimeoutSec TimeoutStartSec TimeoutStopSec TimeoutAbortSec TimeoutStartFailureMode TimeoutStopFailureMode
	RuntimeMaxSec RuntimeRandomizedExtraSec WatchdogSec OOMPolicy
	PermissionsStartOnly RootDirectoryStartOnly NonBlocking Sockets OpenFile FileDescriptorStoreMax FileDescriptorStorePreserve
	USBFunctionDescriptors USBFunctionStrings
	KillMode KillSignal RestartKillSignal FinalKillSignal WatchdogSignal SendSIGKILL SendSIGHUP`

// replacedDirectives gives what took the place of old directives. Their values
// may have another scale.
func replacedDirectives() map[string]string {
	return map[string]string{
		"CPUShares": "CPUWeight", "StartupCPUShares": "StartupCPUWeight", "MemoryLimit": "MemoryMax",
		"BlockIOAccounting": "IOAccounting", "BlockIOWeight": "IOWeight", "StartupBlockIOWeight": "StartupIOWeight",
		"BlockIODeviceWeight": "IODeviceWeight", "BlockIOReadBandwidth": "IOReadBandwidthMax", "BlockIOWriteBandwidth": "IOWriteBandwidthMax",
		"ReadWriteDirectories": "ReadWritePaths", "ReadOnlyDirectories": "ReadOnlyPaths", "InaccessibleDirectories": "InaccessiblePaths",
		"Capabilities": "CapabilityBoundingSet",
	}
}

// unitSection are the directives of [Unit], without those that begin with
// Condition and Assert, and those of [Service] that moved there. systemd.unit(5).
const unitSection = `
	Description Documentation SourcePath Wants Requires Requisite BindsTo BindTo PartOf Upholds Conflicts Before After
	OnFailure OnSuccess OnFailureJobMode OnSuccessJobMode OnFailureIsolate PropagatesReloadTo ReloadPropagatedFrom
	PropagateReloadTo PropagateReloadFrom PropagatesStopTo StopPropagatedFrom JoinsNamespaceOf RequiresMountsFor WantsMountsFor
	RequiresOverridable RequisiteOverridable
	IgnoreOnIsolate StopWhenUnneeded RefuseManualStart RefuseManualStop AllowIsolate DefaultDependencies SurviveFinalKillSignal
	CollectMode FailureAction SuccessAction FailureActionExitStatus SuccessActionExitStatus
	JobTimeoutSec JobRunningTimeoutSec JobTimeoutAction JobTimeoutRebootArgument
	StartLimitIntervalSec StartLimitInterval StartLimitBurst StartLimitAction RebootArgument`

// socketSection are the directives of [Socket] that [Service] has not,
// systemd.socket(5).
const socketSection = `
	ListenStream ListenDatagram ListenSequentialPacket ListenFIFO ListenSpecial ListenNetlink ListenMessageQueue ListenUSBFunction
	SocketProtocol BindIPv6Only Backlog BindToDevice SocketUser SocketGroup SocketMode DirectoryMode Accept Writable FlushPending
	MaxConnections MaxConnectionsPerSource KeepAlive KeepAliveTimeSec KeepAliveIntervalSec KeepAliveProbes NoDelay Priority
	DeferAcceptSec ReceiveBuffer SendBuffer IPTOS IPTTL Mark ReusePort SmackLabel SmackLabelIPIn SmackLabelIPOut
	SELinuxContextFromNet PipeSize MessageQueueMaxMessages MessageQueueMessageSize FreeBind Transparent Broadcast
	PassCredentials PassSecurity PassPacketInfo PassFileDescriptorsToExec Timestamping TCPCongestion ExecStopPre
	Service RemoveOnStop Symlinks FileDescriptorName TriggerLimitIntervalSec TriggerLimitBurst
	PollLimitIntervalSec PollLimitBurst`

// installSection are the directives of [Install], systemd.unit(5).
const installSection = `Alias WantedBy RequiredBy UpheldBy Also DefaultInstance`
