import type { Bed, TestRunner } from './sandbox-contract-bed.ts';

/** The session's shell: what lasts from one command to the next. */
export function sandboxShellContract({ describe, it, expect }: TestRunner, { shell, sandbox }: Bed): void {
  describe('the shell', () => {
    const setUp =
      'cd /tmp; x="a  b"; export Y=$\'l1\\nl2\'; f() { echo "f $1"; }; alias hi="echo hi"; arr=(1 "2 3"); declare -A map=([k]=v)';
    const look = 'pwd; echo "$x"; printenv Y; f 1; hi; echo "${arr[1]} ${map[k]}"';
    const seen = '/tmp\na  b\nl1\nl2\nf 1\nhi\n2 3 v\n';

    it('keeps directory, variables, functions, aliases', async () => {
      expect(await shell(setUp)).toMatchObject({ outcome: 'exit', code: 0, text: '' });
      expect((await shell(look)).text).toBe(seen);
    });

    it.each([
      ['an exit', 'z1=1; exit 7', 7],
      ['an exit in a function', 'g() { exit 3; }; z1=1; g', 3],
      ['a trap of its own', 'z1=1; trap "echo bye" EXIT', 0],
      ['a failure under set -e', 'z1=1; set -e; false; echo not here', 1],
    ])('keeps them over %s', async (_, command, code) => {
      expect(await shell(command)).toMatchObject({ outcome: 'exit', code });
      expect((await shell(`set +e; ${look}; echo $z1; unset z1`)).text).toBe(`${seen}1\n`);
    });

    it.each([
      ['a child that runs', 'z2=2; sleep 600'],
      ['a loop', 'z2=2; while :; do :; done'],
      ['children in the background', 'z2=2; sleep 600 & sleep 600 & wait'],
      ['a child of a substitution', 'z2=2; y=$(sleep 600)'],
    ])('keeps them over a timeout in %s', async (_, command) => {
      expect(await shell(command, { timeoutMs: 150 })).toMatchObject({ outcome: 'timeout', text: '' });
      expect((await shell(`${look}; echo $z2; unset z2`)).text).toBe(`${seen}2\n`);
    });

    it('goes back to the state before a command that ends the shell by force', async () => {
      expect(await shell('z3=3; kill -9 $$')).toMatchObject({ outcome: 'signal', code: 137 });
      expect((await shell(`${look}; echo "[$z3]"`)).text).toBe(`${seen}[]\n`);
    });

    it('keeps options and umask', async () => {
      await shell('set -u; set -o pipefail; shopt -s extglob nullglob; umask 077');
      const options = await shell(
        'echo $-; set -o | grep -c "pipefail.*on"; shopt extglob nullglob; umask; echo "$unset_one"',
      );
      expect(options.text).toMatch(/u.*\n1\nextglob +\ton\nnullglob +\ton\n0077\n.*unset_one: unbound variable\n$/);
      await shell('set +u; set +o pipefail; shopt -u extglob nullglob; umask 022');
      expect((await shell('set -o | grep -c "pipefail.*on"; umask; echo "[$unset_one]"')).text).toBe('0\n0022\n[]\n');
    });

    it('shows a command what a shell of its own would', async () => {
      const own = await shell('echo $0 $# $-; set | grep -c __sallyport; echo "$BASH_SUBSHELL"');
      expect(own.text).toMatch(/^bash 0 hBc\n/);
      expect(own.text).toMatch(/\n0\n0\n$/);
      const failed = await shell('\n\nno_such_command');
      expect(failed).toMatchObject({ code: 127 });
      expect(failed.text).toContain('line 3: no_such_command: command not found');
      expect(await shell('if')).toMatchObject({ code: 2 });
      expect((await shell('echo after a syntax error')).text).toBe('after a syntax error\n');
    });

    it('has an empty standard input', async () => {
      expect(await shell('cat; read answer; echo $?')).toMatchObject({ text: '1\n' });
    });

    it('takes a here document larger than 128 KiB, and unicode', async () => {
      const line = 'ünïcödé 漢字 🎉 "$x" `y`\n';
      const lines = Math.ceil(400_000 / Buffer.byteLength(line));
      const ended = await shell(`wc -c <<'END'\n${line.repeat(lines)}END`);
      expect(ended.text).toBe(`${lines * Buffer.byteLength(line)}\n`);
      expect((await shell("printf %s 'ünïcödé 漢字 🎉'")).text).toBe('ünïcödé 漢字 🎉');
    });

    it('says so where its state is too large, and goes on with the one before', async () => {
      const ended = await shell('big=$(head -c 3000000 /dev/zero | tr "\\0" x); z4=4; echo ${#big}');
      expect(ended).toMatchObject({ outcome: 'exit', code: 0 });
      expect(ended.text).toMatch(/^3000000\n[^]*1 MiB/);
      expect((await shell(`${look}; echo "[$z4]"`)).text).toBe(`${seen}[]\n`);
    });

    it('keeps what a session sets in 50 commands', async () => {
      for (let number = 1; number <= 50; number++) await shell(`v${number}=${number}; counter=$((counter + 1))`);
      expect((await shell('echo $counter $v1 $v50; echo ${#BASHOPTS}; echo $SHLVL')).text).toMatch(
        /^50 1 50\n\d+\n1\n$/,
      );
    });

    it('forgets them when it is restarted', async () => {
      await sandbox().restartShell();
      expect((await shell('pwd; echo "[$x$Y$v1]"; f; echo "$CONTRACT"')).text).toMatch(
        /^\/workspace\n\[\]\n.*f: command not found\nof the spec\n$/,
      );
      await shell('unset CONTRACT');
      expect((await shell('echo "[$CONTRACT]"')).text).toBe('[]\n');
    });
  });
}
