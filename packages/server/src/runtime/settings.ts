import { isIP } from 'node:net';
import { z } from 'zod';
import { addressList } from './address.ts';
import { CAMERA_ROWS, type CamerasSettings } from './camera-settings.ts';
import { canRead } from './can-read.ts';
import { CONTEXTS_ROWS, type ContextsSettings } from './contexts-settings.ts';
import { networkList } from './network-list.ts';
import { RECORDING_ROWS, type RecordingSettings } from './recording-settings.ts';
import { type RowsOf, row } from './setting-row.ts';
import { duration, httpUrl, integer, list, origin, size, word, yesOrNo } from './setting-value.ts';
import { TOKEN_ROWS, type TokenSettings } from './token-settings.ts';

/** All that an operator can set, in the units that the product uses: ms and bytes. */
export interface Settings extends TokenSettings, ContextsSettings, RecordingSettings, CamerasSettings {
  readonly host: string;
  readonly port: number;
  readonly data: string;
  readonly log: string;
  readonly sync: 'normal' | 'full';
  readonly apiKey: string | undefined;
  readonly publicUrl: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: '*' | readonly string[];
  readonly trustedProxies: readonly string[];
  readonly allowExec: boolean;
  readonly allowPrivateNetworks: boolean;
  readonly allowedNetworks: readonly string[];
  readonly resolveMs: number;
  readonly connectMs: number;
  readonly browserConnections: number;
  readonly frameLingerMs: number;
  readonly heartbeatMs: number;
  readonly retryMs: number;
  readonly stallMs: number;
  readonly paceMs: number;
  readonly longPollMs: number;
  readonly sseLifetimeMs: number;
  readonly streamCache: 'private' | 'public';
  readonly socketSubscriptions: number;
  readonly retentionAgeMs: number;
  readonly retentionStreamBytes: number;
  readonly retentionTotalBytes: number;
  readonly capacity: number | undefined;
  readonly windowBytes: number;
  readonly bodyLimit: number;
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly rateLimit: number;
  readonly failureLimit: number;
  readonly failureWindowMs: number;
  readonly ticketMs: number;
  readonly streamTicketMs: number;
  readonly consoleSessionMs: number;
  readonly subscriptions: number;
  readonly subscriptionStreams: number;
  readonly subscriptionLeaseMs: number;
  readonly subscriptionLeaseMinMs: number;
  readonly subscriptionTokenMs: number;
  readonly webhookTimeoutMs: number;
  readonly webhookRetryMs: number;
  readonly webhookRetryMaxMs: number;
  readonly webhooksAtOnce: number;
  readonly projects: string | undefined;
  readonly shell: string | undefined;
  readonly agent: readonly string[];
  readonly launcher: 'auto' | 'direct' | 'sandbox';
  readonly sandboxNetwork: boolean;
  readonly sandboxMemoryBytes: number;
  readonly sandboxProcesses: number;
  readonly sandboxFileBytes: number;
  readonly sandboxPaths: readonly string[];
  readonly sandboxCgroup: string | undefined;
  readonly commandTimeLimitMs: number;
  readonly commandMaxTimeLimitMs: number;
  readonly commandNoticeMs: number;
  readonly commandOutputLimit: number;
  readonly commandMaxRunning: number;
  readonly commandGraceMs: number;
  readonly commandLingerMs: number;
  readonly commandRetryMs: number;
  readonly commandOpenMs: number;
  readonly chatProvider: 'auto' | 'openai-compatible' | 'openai' | 'anthropic' | 'google' | 'assistant';
  readonly chatBaseUrl: string | undefined;
  readonly chatModel: string | undefined;
  readonly chatApiKey: string | undefined;
  readonly chatMaxRunning: number;
  readonly chatPromptLimit: number;
  readonly chatAnswerLimit: number;
  readonly chatTimeLimitMs: number;
  readonly chatStallMs: number;
  readonly chatFirstMs: number;
  readonly chatGapMs: number;
  readonly browser: string | undefined;
  readonly browserSandbox: 'auto' | 'on' | 'off';
  readonly browserWarm: number;
  readonly browserWarmIdleMs: number;
  readonly browserStartMs: number;
  readonly browserHangMs: number;
  readonly browserPageMemory: number;
  readonly computerMaxRunning: number;
  readonly computerMaxPerTenant: number;
  readonly computerIdleMs: number;
  readonly computerLifetimeMs: number;
  readonly computerMaxLifetimeMs: number;
  readonly computerNoticeMs: number;
  readonly computerActionMs: number;
  readonly computerExecLimit: number;
  readonly computerPictureMs: number;
  readonly computerPictureLimit: number;
  readonly computerDownloadLimit: number;
  readonly computerDownloadTotalLimit: number;
  readonly computerMaxContexts: number;
  readonly computerWatchingRenews: boolean;
  readonly searchStreamBytes: number;
  readonly searchDelayMs: number;
  readonly storagePatienceMs: number;
  readonly drainMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export type SettingRows = RowsOf<Settings>;

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const MIB = 2 ** 20;

/** The table of settings. A key of an interval or time-out ends in `Ms`. */
export const SETTINGS: SettingRows = {
  host: row(z.string().min(1), '127.0.0.1', 'Address to listen on'),
  port: row(integer(0, 65_535), 8080, 'Port to listen on; 0 takes any free one'),
  data: row(z.string().min(1), '.playhead', 'Folder of everything that is kept'),
  log: row(
    z.string().refine((text) => text === 'sqlite' || text === 'memory', 'must be sqlite or memory'),
    'sqlite',
    'Where events are kept: sqlite, or memory (gone at the end)',
  ),
  sync: row(
    word('normal', 'full'),
    'normal',
    'What an acknowledged event survives: normal, the end of the process; full, a power cut',
  ),
  apiKey: {
    ...row(
      z.string().min(8).max(256).optional(),
      undefined,
      'The admin key; without it one is made at the first start',
    ),
    aliases: ['RDEV_ADMIN_KEY'],
    secret: true,
  },
  publicUrl: row(httpUrl().optional(), undefined, 'Where browsers reach the server, if not at its address'),
  allowedHosts: row(list(hostName()), [], 'Host names answered to besides loopback names'),
  allowedOrigins: row(
    z.union([z.literal('*'), z.literal(['*']).transform(() => '*' as const), list(origin())]),
    '*',
    'Origins whose pages may read answers, or *',
  ),
  trustedProxies: row(list(network()), [], 'Addresses and networks whose X-Forwarded headers are believed'),
  allowExec: row(yesOrNo(), false, 'Whether commands may be run on a server that a network can reach'),
  allowPrivateNetworks: row(
    yesOrNo(),
    false,
    'Whether browsers, webhooks and cameras may reach loopback and private networks',
  ),
  allowedNetworks: row(
    list(reachable()),
    [],
    'Hosts, addresses and networks that they may reach though they are not public',
  ),
  resolveMs: row(duration(1), 5 * SECOND, 'How long the name of a host may take to resolve'),
  connectMs: row(duration(1), 15 * SECOND, "How long a browser's connection to a host may take to be made"),
  browserConnections: row(integer(1, 1e6), 256, 'Connections of one browser at once'),
  frameLingerMs: row(duration(0), 5 * SECOND, 'How long filming goes on after the last viewer'),
  heartbeatMs: row(duration(10), 15 * SECOND, 'Between proofs of life on an idle stream'),
  retryMs: row(duration(0), 2 * SECOND, 'What readers are told to wait before they reconnect'),
  stallMs: row(duration(10), 600 * SECOND, 'How long a reader may take nothing before it is cut off'),
  paceMs: row(duration(10), 10 * SECOND, 'How long a viewer may leave a frame unanswered'),
  longPollMs: row(duration(10), 15 * SECOND, 'How long a long-poll of a stream waits'),
  sseLifetimeMs: row(duration(10), 60 * SECOND, 'How long a Durable Streams response of events lasts'),
  streamCache: row(
    word('private', 'public'),
    'private',
    'Which caches may keep what was read of a stream: its reader, or public, those that readers share',
  ),
  socketSubscriptions: row(integer(1, 1e6), 256, 'Subscriptions on one WebSocket'),
  retentionAgeMs: row(duration(SECOND), 7 * DAY, 'How long events are kept'),
  retentionStreamBytes: row(size(1024), 256 * MIB, 'How much of one stream is kept'),
  retentionTotalBytes: row(size(MIB), 2048 * MIB, 'How much of all streams is kept'),
  capacity: row(
    size(256 * 1024).optional(),
    undefined,
    'How much the log may take on disk; beyond it appends answer 507 (default: the disk)',
  ),
  windowBytes: row(size(1024), 4 * MIB, 'Recent events of one stream that are held in memory'),
  bodyLimit: row(size(1024), MIB, 'Longest body of a request'),
  headTimeoutMs: row(duration(10), 15 * SECOND, 'How long the head of a request may take'),
  bodyTimeoutMs: row(duration(10), 60 * SECOND, 'How long a whole request may take to arrive'),
  keepAliveMs: row(duration(0), 75 * SECOND, 'How long an idle connection is kept'),
  rateLimit: row(integer(0, 1e9), 100_000, 'Requests per second of one key; 0 is no limit'),
  failureLimit: row(integer(1, 1e6), 10, 'Wrong credentials from one address before they are refused'),
  failureWindowMs: row(duration(1), 600 * SECOND, 'How long a wrong credential counts'),
  ticketMs: row(duration(1), 30 * SECOND, 'How long a ticket of one use is valid'),
  streamTicketMs: row(duration(1), 900 * SECOND, 'How long a ticket for reading a stream is valid'),
  consoleSessionMs: row(duration(SECOND), DAY / 2, 'How long a sign-in to the console is valid'),
  subscriptions: row(integer(0, 1e6), 100, 'Subscriptions (webhooks, pull-wake) of one tenant'),
  subscriptionStreams: row(integer(1, 1e6), 10_000, 'Streams in one subscription'),
  subscriptionLeaseMs: row(duration(1, 600 * SECOND), 30 * SECOND, 'Lease of a woken worker, unless it says'),
  subscriptionLeaseMinMs: row(duration(1, 600 * SECOND), SECOND, 'The shortest lease that may be asked for'),
  subscriptionTokenMs: row(duration(1), 3_600 * SECOND, 'How long the token of a woken worker is valid'),
  webhookTimeoutMs: row(duration(1), 30 * SECOND, 'How long a webhook may take to answer'),
  webhookRetryMs: row(duration(1), SECOND, 'First wait before a webhook that failed is called again'),
  webhookRetryMaxMs: row(duration(1), 60 * SECOND, 'The longest such wait; each is twice the one before'),
  webhooksAtOnce: row(integer(1, 100_000), 256, 'Webhooks that are called at once'),
  projects: row(
    z.string().min(1).optional(),
    undefined,
    'Folder of projects made without a root; default: in data',
  ),
  shell: row(z.string().min(1).optional(), undefined, 'What runs shell commands; default: bash, else sh'),
  agent: row(list(z.string()), [], 'Program and first arguments of the agent behind /claude'),
  launcher: row(
    word('auto', 'direct', 'sandbox'),
    'auto',
    'What runs commands: direct, with the rights of the server; sandbox, bubblewrap; auto is direct',
  ),
  sandboxNetwork: row(yesOrNo(), false, "Whether sandboxed commands have this machine's network"),
  sandboxMemoryBytes: row(size(64 * MIB), 4096 * MIB, 'Memory of one sandboxed command'),
  sandboxProcesses: row(integer(16, 1e6), 512, 'Processes and threads of one sandboxed command'),
  sandboxFileBytes: row(size(1024), 4096 * MIB, 'Largest file that a sandboxed command may write'),
  sandboxPaths: row(list(absolutePath()), [], 'Further folders that sandboxed commands may read'),
  sandboxCgroup: row(absolutePath().optional(), undefined, 'A cgroup v2 folder delegated to the server'),
  commandTimeLimitMs: row(duration(1), 3_600 * SECOND, 'How long a command may run, unless it says'),
  commandMaxTimeLimitMs: row(duration(1), DAY, 'The most that a command may ask for'),
  commandNoticeMs: row(duration(0), 30 * SECOND, 'How long before its time limit a command is told'),
  commandOutputLimit: row(size(1), 128 * MIB, 'Output of one command, as encoded'),
  commandMaxRunning: row(integer(1, 100_000), 256, 'Commands at once'),
  commandGraceMs: row(duration(0), 5 * SECOND, 'Between SIGTERM and SIGKILL'),
  commandLingerMs: row(duration(0), SECOND, 'How long output is awaited after a command has ended'),
  commandRetryMs: row(duration(1), 500, 'First wait before a refused write is tried again'),
  commandOpenMs: row(duration(0), 3_600 * SECOND, 'How long after its end a stream opens by its id alone'),
  chatProvider: row(
    word('auto', 'openai-compatible', 'openai', 'anthropic', 'google', 'assistant'),
    'auto',
    'What answers in chats: auto is openai-compatible if chatBaseUrl is set, else the built-in assistant',
  ),
  chatBaseUrl: row(httpUrl().optional(), undefined, 'Where the model is, such as http://127.0.0.1:11434/v1'),
  chatModel: row(z.string().min(1).max(200).optional(), undefined, 'Which model answers in chats'),
  chatApiKey: {
    ...row(z.string().min(1).max(1024).optional(), undefined, "The key of the model's provider"),
    secret: true,
  },
  chatMaxRunning: row(integer(1, 100_000), 512, 'Answers at once'),
  chatPromptLimit: row(size(16), 128 * 1024, 'Longest question'),
  chatAnswerLimit: row(size(1024), 4 * MIB, 'Longest answer, as encoded'),
  chatTimeLimitMs: row(duration(1), 600 * SECOND, 'How long an answer may take'),
  chatStallMs: row(duration(1), 120 * SECOND, 'How long a model may say nothing'),
  chatFirstMs: row(
    duration(0),
    15 * SECOND,
    'How long a failure of the model can still become an HTTP status',
  ),
  chatGapMs: row(duration(0), 10, 'Between two events of an answer on the documented call'),
  browser: row(
    z.string().min(1).optional(),
    undefined,
    'A Chrome or Chromium, or packed for the one that comes along; default: what is installed, else packed',
  ),
  browserSandbox: row(
    word('auto', 'on', 'off'),
    'auto',
    "Whether the browser's own sandbox confines pages; auto is where the machine allows it",
  ),
  browserWarm: row(integer(0, 100), 1, 'Browsers that are kept ready, once there was a computer'),
  browserWarmIdleMs: row(duration(10), 600 * SECOND, 'How long a browser is kept ready that nobody wants'),
  browserStartMs: row(duration(10), 30 * SECOND, 'How long a browser may take to start'),
  browserHangMs: row(duration(10), 5 * SECOND, 'How long a page may not answer before it counts as hanging'),
  browserPageMemory: row(size(64 * MIB), 2048 * MIB, 'Memory of one page'),
  computerMaxRunning: row(integer(1, 10_000), 16, 'Computers at once'),
  computerMaxPerTenant: row(integer(1, 10_000), 8, 'Computers at once of one tenant'),
  computerIdleMs: row(duration(10), 120 * SECOND, 'How long a computer may be without use, unless it says'),
  computerLifetimeMs: row(duration(10), DAY, 'How long a computer may live, unless it says'),
  computerMaxLifetimeMs: row(duration(SECOND), 7 * DAY, 'The most that a computer may ask for'),
  computerNoticeMs: row(duration(0), 30 * SECOND, 'How long before its end a computer is told'),
  computerActionMs: row(
    duration(10),
    30 * SECOND,
    'How long an action may take, its wait behind others included',
  ),
  computerExecLimit: row(size(1024), 16 * MIB, 'Output of one exec that is told and answered'),
  computerPictureMs: row(duration(10), 900 * SECOND, 'How long the address of a picture is good for'),
  computerPictureLimit: row(size(1024), 256 * MIB, 'How much all pictures may take on disk'),
  computerDownloadLimit: row(size(1024), 256 * MIB, 'Largest file that a page may download'),
  computerDownloadTotalLimit: row(size(1024), 1024 * MIB, 'All files that a computer may download'),
  computerMaxContexts: row(integer(1, 1e6), 100, 'Browser profiles that a tenant may keep'),
  computerWatchingRenews: row(yesOrNo(), false, 'Whether who watches a computer keeps it alive'),
  searchStreamBytes: row(size(0), 8 * MIB, 'How much text of one stream can be searched'),
  searchDelayMs: row(duration(0), 250, 'How long after a change it can be searched, about'),
  storagePatienceMs: row(duration(0), 60 * SECOND, 'How long storage may be full before sessions fail'),
  ...TOKEN_ROWS,
  ...CONTEXTS_ROWS,
  ...CAMERA_ROWS,
  ...RECORDING_ROWS,
  drainMs: row(duration(0), 10 * SECOND, 'How long a server that is told to end waits for what is under way'),
  logLevel: row(word('debug', 'info', 'warn', 'error'), 'info', 'Which entries the log on stderr has'),
};

export function settingKeys(): (keyof Settings)[] {
  return Object.keys(SETTINGS) as (keyof Settings)[];
}

/** `heartbeatMs` → `PLAYHEAD_HEARTBEAT_MS`. */
export function environmentName(key: string): string {
  return `PLAYHEAD_${snake(key, '_').toUpperCase()}`;
}

/** `heartbeatMs` → `--heartbeat-ms`. */
export function flagName(key: string): string {
  return `--${snake(key, '-')}`;
}

function snake(key: string, joint: string): string {
  return key.replace(/[A-Z]/g, (letter) => joint + letter.toLowerCase());
}

function absolutePath(): z.ZodType<string, string> {
  return z.string().regex(/^\/[^\0]*$/, 'must be absolute paths');
}

function hostName(): z.ZodType<string, string> {
  const host = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;
  return z.string().regex(host, 'must be host names, with or without a port');
}

function network(): z.ZodType<string, string> {
  return z
    .string()
    .refine(
      (text) => isIP(text.split('/')[0] ?? '') !== 0 && canRead(() => addressList([text])),
      'must be addresses or networks such as 10.0.0.0/8',
    );
}

function reachable(): z.ZodType<string, string> {
  return z
    .string()
    .refine(
      (text) => canRead(() => networkList([text])),
      'must be hosts, addresses or networks such as intranet.example, 127.0.0.1:3000 or 10.0.0.0/8',
    );
}
