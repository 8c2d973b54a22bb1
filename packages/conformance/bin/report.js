/** Tells of the tests as they end; `write` takes text. `passed` holds once all are over. */
export function report(output, write) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  let finished = false;
  return {
    passed: () => finished && totals.failed === 0 && totals.passed > 0,
    onTestModuleStart(module) {
      if (output === 'text') write(`\n${chapterOf(module)}\n`);
    },
    onTestCaseResult(test) {
      const { state, errors } = test.result();
      totals[state] = (totals[state] ?? 0) + 1;
      const problems = (errors ?? []).map(({ message, diff }) => [message, diff].filter(Boolean).join('\n'));
      if (output === 'json') {
        write(
          `${JSON.stringify({ chapter: chapterOf(test.module), test: test.fullName, state, problems })}\n`,
        );
      } else {
        write(`  ${MARK[state]} ${test.name}\n`);
        for (const problem of problems) write(`${indented(problem)}\n`);
      }
    },
    onTestRunEnd(modules, unhandled) {
      // A chapter that cannot even be loaded, and an error outside of every test, are failures.
      const others = [...modules.flatMap((module) => module.errors()), ...unhandled];
      for (const { message } of others) {
        totals.failed++;
        if (output === 'text') write(`\n  ${MARK.failed} ${indented(message).trim()}\n`);
      }
      finished = true;
      if (output === 'json') write(`${JSON.stringify(totals)}\n`);
      else write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
    },
  };
}

const MARK = { passed: '✓', failed: '✗', skipped: '-', pending: '-' };

function chapterOf(module) {
  return module.moduleId.replace(/^.*[\\/]|\.ts$/g, '');
}

function indented(text) {
  const lines = String(text).split('\n');
  const shown = lines.length > 30 ? [...lines.slice(0, 30), '…'] : lines;
  const cut = (line) => (line.length > 200 ? `${line.slice(0, 200)}…` : line);
  return shown.map((line) => `      ${cut(line)}`).join('\n');
}
