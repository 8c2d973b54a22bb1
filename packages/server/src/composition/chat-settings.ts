import type { ChatSettings } from '../producers/chats/settings.ts';
import { COMMAND_DEFAULTS } from '../producers/commands/settings.ts';
import type { Settings } from '../runtime/settings.ts';

export function chatSettings(settings: Settings): ChatSettings {
  return {
    maxRunning: settings.chatMaxRunning,
    promptBytes: settings.chatPromptLimit,
    answerBytes: settings.chatAnswerLimit,
    timeLimitMs: settings.chatTimeLimitMs,
    noticeMs: settings.commandNoticeMs,
    stallMs: settings.chatStallMs,
    firstMs: settings.chatFirstMs,
    gapMs: settings.chatGapMs,
    heartbeatMs: settings.heartbeatMs,
    uncommittedBytes: COMMAND_DEFAULTS.uncommittedBytes,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
  };
}
