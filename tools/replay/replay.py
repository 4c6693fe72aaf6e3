#!/usr/bin/env python3
"""Replays recorded HTTP exchanges against a master and an agent and says how far the answers agree.

  MASTER=127.0.0.1:5050 AGENT=127.0.0.1:5051 [AGENT2=...] python3 replay.py [options] FILE.jsonl|FOLDER ...

  --restart CMD   shell command that brings up a fresh master and agent(s); run before every file (best results)
  --only REGEX    only lines whose id matches
  --report FILE   write all differences there as JSON lines
  --show N        print at most N differences (default 60)
  --wire DIR      folder with the mesos.v1*.tsv tables, for protobuf bodies

Exit status 0 if every hard comparison agrees. "Hard" is status, headers that matter, JSON keys, types and values
after volatile values are replaced by placeholders. "Soft" differences are counted apart: the text of a message,
15 instead of 15.0, order of a list, flags and metrics one side lacks. Needs Python 3.8, nothing else. See README.md.
"""
import argparse, base64, collections, glob, gzip, json, os, queue, re, socket, struct, subprocess, sys, threading, time
import urllib.parse

# ------------------------------------------------------------------ protobuf, driven by the tables

class Codec:
    """proto2 messages to and from the JSON form, using the field tables (*.tsv)."""
    VAR = {'int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'bool'}

    def __init__(self, folder):
        self.msgs, self.enums, self.maps = collections.defaultdict(dict), collections.defaultdict(dict), set()
        for path in glob.glob(os.path.join(folder, '*.tsv')):
            rows = open(path, encoding='utf-8').read().split('\n')
            if not rows[0].startswith('kind\tfull_name\tname\tnumber\tlabel\ttype'):
                continue
            for row in rows[1:]:
                c = row.split('\t')
                if c[0] == 'field':
                    self.msgs[c[1]][c[2]] = (int(c[3]), c[4], c[5])
                elif c[0] == 'message':
                    self.msgs[c[1]]
                elif c[0] == 'map_entry':
                    self.maps.add(c[1])
                elif c[0] == 'value':
                    self.enums[c[1]][c[2]] = int(c[3])

    @staticmethod
    def varint(n):
        n &= (1 << 64) - 1
        out = bytearray()
        while True:
            b = n & 127
            n >>= 7
            out.append(b | (128 if n else 0))
            if not n:
                return bytes(out)

    def encode(self, name, obj):
        out, fields = b'', self.msgs[name]
        for key, val in sorted(((k, v) for k, v in obj.items() if k in fields), key=lambda kv: fields[kv[0]][0]):
            num, label, typ = fields[key]
            if typ in self.maps:
                items = [{'key': k, 'value': v} for k, v in val.items()]
            elif label == 'repeated':
                items = val
            else:
                items = [val]
            for item in items:
                out += self.field(num, typ, item)
        return out

    def field(self, num, typ, v):
        if typ in self.enums:
            return self.varint(num << 3) + self.varint(self.enums[typ][v] if isinstance(v, str) else v)
        if typ in self.VAR:
            return self.varint(num << 3) + self.varint(int(v))
        if typ == 'double':
            return self.varint(num << 3 | 1) + struct.pack('<d', v)
        if typ == 'float':
            return self.varint(num << 3 | 5) + struct.pack('<f', v)
        if typ == 'string':
            data = v.encode()
        elif typ == 'bytes':
            data = base64.b64decode(v)
        else:
            data = self.encode(typ, v)
        return self.varint(num << 3 | 2) + self.varint(len(data)) + data

    def decode(self, name, data):
        byno = {f[0]: (k,) + f[1:] for k, f in self.msgs[name].items()}
        out, i = {}, 0

        def var():
            nonlocal i
            n = s = 0
            while True:
                b = data[i]
                i += 1
                n |= (b & 127) << s
                s += 7
                if b < 128:
                    return n
        while i < len(data):
            tag = var()
            num, wt = tag >> 3, tag & 7
            if wt == 0:
                raw = var()
            elif wt == 1:
                raw = data[i:i + 8]; i += 8
            elif wt == 5:
                raw = data[i:i + 4]; i += 4
            elif wt == 2:
                n = var()
                raw = data[i:i + n]
                if len(raw) < n:
                    raise ValueError('truncated')
                i += n
            else:
                raise ValueError('wire type %d' % wt)
            if num not in byno:
                out['#%d' % num] = True
                continue
            key, label, typ = byno[num]
            if typ in self.enums:
                val = next((k for k, v in self.enums[typ].items() if v == raw), raw)
            elif typ == 'bool':
                val = bool(raw)
            elif typ in self.VAR:
                val = raw - (1 << 64) if raw >> 63 and not typ.startswith('u') else raw
            elif typ == 'double':
                val = struct.unpack('<d', raw)[0]
            elif typ == 'float':
                val = struct.unpack('<f', raw)[0]
            elif typ == 'string':
                val = raw.decode('utf-8', 'replace')
            elif typ == 'bytes':
                val = base64.b64encode(raw).decode()
            else:
                val = self.decode(typ, raw)
            if typ in self.maps:
                out.setdefault(key, {})[str(val.get('key', ''))] = val.get('value')
            elif label == 'repeated':
                out.setdefault(key, []).append(val)
            else:
                out[key] = val
        return out


# ------------------------------------------------------------------ HTTP on a plain socket

KEEP = ['content-type', 'content-length', 'transfer-encoding', 'content-encoding', 'location', 'allow', 'www-authenticate',
        'mesos-stream-id', 'message-content-type', 'content-disposition', 'connection']


class Conn:
    def __init__(self, addr, timeout=20):
        host, port = addr.rsplit(':', 1)
        self.s = socket.create_connection((host, int(port)), timeout)
        self.buf, self.timeout = b'', timeout

    def send(self, method, path, headers, body):
        head = '%s %s HTTP/1.1\r\n' % (method, path)
        names = [k.lower() for k, _ in headers]
        if 'host' not in names:
            head += 'Host: %s:%d\r\n' % self.s.getpeername()[:2]
        for k, v in headers:
            head += '%s: %s\r\n' % (k, v)
        if body is not None and 'content-length' not in names and 'transfer-encoding' not in names:
            head += 'Content-Length: %d\r\n' % len(body)
        self.s.sendall(head.encode('latin-1') + b'\r\n' + (body or b''))

    def fill(self):
        data = self.s.recv(65536)
        if not data:
            raise EOFError
        self.buf += data

    def line(self):
        while b'\n' not in self.buf:
            self.fill()
        out, self.buf = self.buf.split(b'\n', 1)
        return out.rstrip(b'\r').decode('latin-1')

    def take(self, n):
        while len(self.buf) < n:
            self.fill()
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def head(self):
        status = int(self.line().split(' ')[1])
        headers = {}
        while True:
            line = self.line()
            if not line:
                return status, headers
            k, v = line.split(':', 1)
            k = k.strip().lower()
            headers[k] = headers[k] + ', ' + v.strip() if k in headers else v.strip()

    def chunk(self):
        n = int(self.line().split(';')[0], 16)
        data = self.take(n) if n else b''
        self.line()
        return data

    def body(self, method, status, headers):
        """The whole body; a note if it ended strangely."""
        if method == 'HEAD':
            self.s.settimeout(0.4)
            try:
                self.fill()
            except (socket.timeout, EOFError, OSError):
                pass
            return b'', ('body after HEAD' if self.buf else None)
        if status in (204, 304):
            return b'', None
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            out = b''
            while True:
                c = self.chunk()
                if not c:
                    return out, None
                out += c
        if 'content-length' in headers:
            return self.take(int(headers['content-length'])), None
        out = b''
        try:
            while True:
                self.fill()
        except EOFError:
            out, self.buf = self.buf, b''
        return out, 'until close'

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()


class Stream:
    """A RecordIO answer; a thread reads it and puts (record bytes, how it sat in the chunks) into a queue."""
    def __init__(self, conn):
        self.conn, self.q, self.ended, self.passed = conn, queue.Queue(), None, []
        conn.s.settimeout(None)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        buf, chunks, start_fresh = b'', 0, True
        try:
            while True:
                c = self.conn.chunk()
                if not c:
                    self.ended = 'clean'
                    break
                fresh = not buf
                buf += c
                chunks = 1 if fresh else chunks + 1
                first = True
                while b'\n' in buf:
                    n, rest = buf.split(b'\n', 1)
                    if len(rest) < int(n):
                        break
                    rec, buf = rest[:int(n)], rest[int(n):]
                    how = 'own' if first and fresh and chunks == 1 and not buf else 'split' if chunks > 1 else 'joined'
                    self.q.put((rec, how))
                    first, chunks = False, 1
        except (EOFError, OSError, ValueError, AttributeError) as e:
            self.ended = 'broken' if isinstance(e, (EOFError, OSError)) else 'bad framing: %s' % e
        self.q.put((None, self.ended))

    def get(self, timeout):
        try:
            return self.q.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return None


# ------------------------------------------------------------------ placeholders

UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
ID = re.compile('(' + UUID + r')(?:(-S\d+)|(-O\d+)|(-I\d+)|(-\d{4,}(?!\d)))?')
B64ID = re.compile(r'^[A-Za-z0-9+/]{22}==$')
TIMES = {'timestamp', 'registered_time', 'reregistered_time', 'unregistered_time', 'start_time', 'elected_time', 'build_time', 'mtime', 'unreachable_time',
         'estimated_drain_start_time_seconds'}
ANYNUM = {'size', 'nlink', 'executor_pid', 'avg_load_1min', 'avg_load_5min', 'avg_load_15min', 'cpus_total', 'mem_total_bytes', 'mem_free_bytes'}
TEXT = {'message', 'log', 'build_date', 'git_sha', 'git_branch', 'git_tag'}
WHO = {'user', 'uid', 'gid', 'build_user'}


class Names:
    """Replaces volatile values; the same value gets the same placeholder within one scenario."""
    def __init__(self, subst):
        self.subst, self.seen, self.counts = subst, {}, collections.Counter()

    def name(self, kind, value):
        if (kind, value) not in self.seen:
            self.counts[kind] += 1
            self.seen[kind, value] = '<%s:%d>' % (kind, self.counts[kind])
        return self.seen[kind, value]

    def text(self, s):
        for old, new in self.subst:
            if old and old in s:
                if old.isdigit():
                    s = re.sub(r'(?<!\d)%s(?!\d)' % old, new, s)
                else:
                    s = s.replace(old, new)

        def put(m):
            kind = 'agent-id' if m[2] else 'offer-id' if m[3] else 'inverse-offer-id' if m[4] else 'framework-id' if m[5] else 'uuid'
            return self.name(kind, m[0])
        s = ID.sub(put, s)
        s = re.sub(r'[^\s"\'=<>]*mesos-(master|agent|slave)\.[\w.-]+\.log\.[A-Z]+\.[\d.-]+', '<log-file>', s)
        s = re.sub(r'/proc/\d+/', '/proc/<pid>/', s)
        s = re.sub(r'\b\d{8}-\d{6}\.\d+', '<date>.<pid>', s)
        return s

    def value(self, v, key='', parents=()):
        if isinstance(v, dict):
            if key in ('flags', 'statistics', 'resource_statistics') or (parents and len(v) > 25 and all(isinstance(x, float) for x in v.values())):
                return {k: ('<text>' if isinstance(x, str) else '<num>' if isinstance(x, (int, float)) else self.value(x, k, parents + (key,)))
                        for k, x in v.items()}
            done = {}
            for k in sorted(v):                  # ids are numbered in the order of sorted keys
                done[k] = self.value(v[k], k, parents + (key,))
            return {self.text(k): done[k] for k in v}
        if isinstance(v, list):
            return [self.value(x, key, parents) for x in v]
        if isinstance(v, bool) or v is None:
            return v
        if isinstance(v, (int, float)):
            kind = 'int' if isinstance(v, int) else 'float'
            if key in TIMES and v:
                return '<time:%s>' % kind
            if key == 'ip':
                return '<ip-number>'
            if key == 'nanoseconds' and v > 10**17:
                return '<nanos>'
            if key in ANYNUM or 'statistics' in parents or 'resource_statistics' in parents:
                return '<num>'
            if kind == 'int' and key in ('port',) or kind == 'int' and key == 'begin':
                t = self.text(str(v))
                return t if t.startswith('<') else v
            return v
        if isinstance(v, str):
            if key in WHO:
                return '<user>'
            if key in ('/master/log', '/slave/log'):
                return '<log-file>'
            if key == 'master_hostname':
                return '<host>'
            if key == 'log_dir':
                v = self.text(v)
                return v if v.startswith('<') else '<log-dir>'
            if key == 'version':
                return '<version>'
            if key == 'ip' and v not in [o for o, _ in self.subst]:
                return self.text(v)
            if key in TEXT:
                return {'text': self.text(v)}
            if 'uuid' in key and B64ID.match(v) or (key == 'value' and parents and 'uuid' in parents[-1] and B64ID.match(v)):
                return self.name('uuid-bytes', v)
            return self.text(v)
        return v


def masked(v, keys):
    if isinstance(v, dict):
        return {k: '<masked>' if k in keys else masked(x, keys) for k, x in v.items()}
    return [masked(x, keys) for x in v] if isinstance(v, list) else v


def metrics(v, names):
    """/metrics/snapshot and GET_METRICS: names only, ids replaced."""
    return {names.text(k): '<num>' for k in v}


# ------------------------------------------------------------------ running a scenario

class Context:
    """Where the servers are, and what is known about them."""
    def __init__(self, addrs, codec):
        self.addrs, self.codec, self.vars, self.subst = addrs, codec, {}, []
        self.learn()

    def get(self, to, path):
        c = None
        try:
            c = Conn(self.addrs[to])
            c.send('GET', path, [], None)
            st, h = c.head()
            b, _ = c.body('GET', st, h)
            return json.loads(b) if st == 200 else {}
        except (OSError, EOFError, ValueError):
            return {}
        finally:
            if c:
                c.close()

    def learn(self):
        v, sub = self.vars, []
        user = subprocess.run(['id', '-un'], stdout=subprocess.PIPE, universal_newlines=True).stdout.strip()
        v['user'] = user
        m = self.get('master', '/state') if 'master' in self.addrs else {}
        v['master_id'] = m.get('id', '')
        dirs, hosts = [], set()
        for to, label in (('master', 'master'), ('agent', 'agent'), ('agent2', 'agent2')):
            if to not in self.addrs:
                continue
            host, port = self.addrs[to].rsplit(':', 1)
            hosts.add(host)
            st = m if to == 'master' else self.get(to, '/state')
            fl = self.get(to, '/flags').get('flags', {}) or st.get('flags', {})
            pid = st.get('pid', '')
            if '@' in pid:
                hosts.add(pid.split('@')[1].rsplit(':', 1)[0])
            hosts.add(st.get('hostname', ''))
            v[label + '_host'], v[label + '_port'] = st.get('hostname', host), port
            v[label + '_pid'] = pid
            if to != 'master':
                v[label + '_id'] = st.get('id', '')
            for f, p in (('log_dir', 'log'), ('runtime_dir', 'runtime'), ('work_dir', 'work'), ('launcher_dir', 'libexec'), ('fetcher_cache_dir', 'fetch')):
                if fl.get(f):
                    dirs.append((fl[f].rstrip('/'), '<%s-%s>' % (label, p)))
                    v['%s_%s' % (label, p)] = fl[f].rstrip('/')
            sub.append((port, '<%s-port>' % label))
        v['host'] = v.get('master_host', '')
        if 'auth' in self.addrs:
            host, port = self.addrs['auth'].rsplit(':', 1)
            hosts.add(host)
            sub.append((port, '<auth-port>'))
            v.setdefault('host', host)
        dirs.sort(key=lambda d: -len(d[0]))
        self.subst = dirs + [(h, '<host>') for h in sorted(hosts, key=lambda h: -len(h)) if h] + sub

    def ready(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            # The master knows of an agent a moment before the agent hears that it is admitted, and under which id.
            listed = {s.get('id') for s in self.get('master', '/state').get('slaves', []) if s.get('active')}
            if all(self.get(a, '/state').get('id') in listed for a in self.addrs if a.startswith('agent')):
                break
            time.sleep(0.2)
        self.learn()

    def ran(self, seconds=5):
        """Waits for the next periodic run of the allocator: what is left of an offer comes back with it, so some
        exchanges go as they were recorded only if they have a whole interval before them."""
        runs = lambda: self.get('master', '/metrics/snapshot').get('allocator/mesos/allocation_runs')
        before, end = runs(), time.time() + seconds
        while time.time() < end and runs() == before:
            time.sleep(0.02)


def fill(x, vars):
    if isinstance(x, str):
        m = re.fullmatch(r'\{\{([\w.]+):int\}\}', x)
        if m:
            return int(vars.get(m[1], 0))
        return re.sub(r'\{\{([\w.]+)\}\}', lambda m: str(vars.get(m[1], 'unbound-' + m[1])), x)
    if isinstance(x, list):
        return [fill(i, vars) for i in x]
    if isinstance(x, dict):
        return {fill(k, vars): fill(v, vars) for k, v in x.items()}
    return x


def dig(obj, path):
    for p in path.split('.'):
        try:
            obj = obj[int(p)] if isinstance(obj, list) else obj[p]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return obj


class Run:
    """One scenario: runs its steps, returns what the servers answered (placeholders already in)."""
    def __init__(self, ctx, keep=None):
        self.ctx, self.vars = ctx, dict(ctx.vars)
        self.streams, self.hurried = {}, False
        if keep:
            self.vars.update({k: v for k, v in keep.vars.items() if k not in ctx.vars})
            self.streams = keep.streams
        self.names = Names(ctx.subst)

    def request(self, req):
        req = {k: v for k, v in req.items()}
        headers = [[k, fill(v, self.vars)] for k, v in req.get('headers', [])]
        body = None
        if 'json' in req:
            body = json.dumps(fill(req['json'], self.vars), separators=(',', ':')).encode()
        elif 'pb' in req:
            body = self.ctx.codec.encode(req['pb']['type'], fill(req['pb']['json'], self.vars))
        elif 'form' in req:
            body = urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in fill(req['form'], self.vars).items()}).encode()
        elif 'body' in req:
            body = fill(req['body'], self.vars).encode()
        elif 'body_base64' in req:
            body = base64.b64decode(req['body_base64'])
        if req.get('gzip'):
            body = gzip.compress(body)
        return req['method'], fill(req['path'], self.vars), headers, body

    def headers(self, h):
        out = {}
        for k in KEEP:
            if k in h:
                v = h[k]
                if k == 'content-length':
                    v = '<n>' if v != '0' else '0'
                elif k == 'mesos-stream-id':
                    v = '<uuid>'
                out[k] = self.names.text(v)
        return out

    def payload(self, step, status, h, raw):
        """The body as data: json, pb (decoded), text or base64."""
        if h.get('content-encoding') == 'gzip':
            raw = gzip.decompress(raw)
        if not raw:
            return {}
        ct = h.get('content-type', '')
        if ct.startswith('application/x-protobuf'):
            typ = step.get('pb_response')
            try:
                if typ:
                    j = self.ctx.codec.decode(typ, raw)
                    self.bind(step, j, status)
                    out = {'pb': typ, 'json': self.norm(step, j)}
                    if len(raw) < 600 and not step.get('metrics'):
                        out['base64'] = base64.b64encode(raw).decode()
                    return out
            except (ValueError, IndexError, struct.error) as e:
                return {'undecodable': str(e), 'base64': base64.b64encode(raw[:300]).decode()}
            return {'base64': base64.b64encode(raw[:2000]).decode()}
        text = raw.decode('utf-8', 'replace')
        m = re.fullmatch(r'([\w.]*)\((.*)\)\s*;?', text, re.S) if 'javascript' in ct else None
        try:
            j = json.loads(m[2] if m else text)
            if m or isinstance(j, (dict, list)):
                self.bind(step, j, status)
                out = {'json': self.norm(step, j)}
                if m:
                    out['jsonp'] = m[1]
                return out
        except ValueError:
            pass
        if ct.startswith('text/html'):
            return {'html': True}
        if step.get('any_text'):
            return {'text': '<any>'}
        if len(text) > 2000:
            text = text[:2000]
        return {'text': self.names.text(text)}

    def norm(self, step, j):
        if step.get('env') and isinstance(j, dict):
            pairs = (l.split('=', 1) for l in j.get('data', '').split('\n') if '=' in l)
            env = {k: v for k, v in pairs if k.startswith(('MESOS_', 'LIBPROCESS_', 'MINE'))}
            return {'environment': {k: self.names.text(env[k]) for k in sorted(env)}}
        if step.get('any_json'):
            return '<list>' if isinstance(j, list) else '<object>'
        if step.get('mask'):
            j = masked(j, step['mask'])
        if step.get('metrics') and isinstance(j, dict):
            if 'get_metrics' in j:
                ms = {m.get('name', ''): 1.0 for m in j['get_metrics'].get('metrics', [])}
                return {'type': j.get('type'), 'get_metrics': {'metrics': metrics(ms, self.names)}}
            return metrics(j, self.names)
        if isinstance(j, dict) and 'get_flags' in j:
            return {'type': j.get('type'), 'get_flags': {'flags': {f.get('name', ''): '<text>' for f in j['get_flags'].get('flags', [])}}}
        return self.names.value(j)

    def bind(self, step, j, status=200):
        if status == 200:
            for var, path in step.get('bind', {}).items():
                v = dig(j, path)
                if v is not None:
                    self.vars[var] = v

    def step(self, step):
        if self.hurried and step.get('timeout', 15) > 2 and step['do'] in ('await', 'poll', 'end'):
            step = dict(step, timeout=2)           # something never came: what builds on it will not either
        got = getattr(self, 'do_' + step['do'])(step)
        if step['do'] in ('await', 'poll') and 'failed' in got:
            self.hurried = True
        return got

    def do_http(self, step):
        try:
            c = Conn(self.ctx.addrs[step['to']], step.get('timeout', 20))
        except OSError as e:
            return {'failed': 'connect: ' + type(e).__name__}
        try:
            method, path, headers, body = self.request(step['request'])
            c.send(method, path, headers, body)
            status, h = c.head()
            if status == 200 and step.get('head_only'):
                return {'status': status, 'headers': self.headers(h)}
            raw, note = c.body(method, status, h)
            out = {'status': status, 'headers': self.headers(h)}
            if note:
                out['note'] = note
            out.update(self.payload(step, status, h, raw))
            return out
        except (OSError, EOFError, ValueError) as e:
            return {'failed': 'closed' if isinstance(e, (EOFError, ConnectionError)) else 'timeout' if isinstance(e, socket.timeout) else repr(e)}
        finally:
            c.close()

    def do_stream(self, step):
        name = step['as']
        if name in self.streams:
            self.streams.pop(name).conn.close()
        try:
            c = Conn(self.ctx.addrs[step['to']])
            method, path, headers, body = self.request(step['request'])
            c.send(method, path, headers, body)
            status, h = c.head()
            out = {'status': status, 'headers': self.headers(h)}
            if status == 200 and h.get('transfer-encoding', '').lower() == 'chunked':
                s = Stream(c)
                s.type = step.get('record', 'mesos.v1.scheduler.Event')
                s.pb = h.get('content-type') == 'application/x-protobuf' or h.get('message-content-type') == 'application/x-protobuf'
                s.plain = h.get('content-type') not in ('application/json', 'application/x-protobuf', 'application/recordio')
                self.streams[name] = s
                self.vars[name + '.stream_id'] = h.get('mesos-stream-id', '')
                return out
            raw, note = c.body(method, status, h)
            out.update(self.payload(step, status, h, raw))
            c.close()
            return out
        except (OSError, EOFError, ValueError) as e:
            return {'failed': type(e).__name__}

    def record(self, s, rec):
        try:
            return self.ctx.codec.decode(s.type, rec) if s.pb else json.loads(rec)
        except (ValueError, IndexError, struct.error) as e:
            return {'undecodable': str(e)}

    def arrived(self, s, end):
        """The next record: what an earlier step passed over first, then what comes until end. None: nothing came."""
        got = s.get(end - time.time())
        if got is not None and got[0] is None:
            s.q.put(got)
        return got

    def do_await(self, step):
        """The first record of the wanted type (and where) not taken yet; others stay for later steps."""
        s = self.streams.get(step['on'])
        if not s:
            return {'failed': 'no stream'}
        end, where = time.time() + step.get('timeout', 15), fill(step.get('where', {}), self.vars)
        passed, i = s.passed, 0
        while True:
            if i == len(passed):
                got = self.arrived(s, end)
                if got is None or got[0] is None:
                    return {'failed': 'nothing came' if got is None else 'stream ended: %s' % got[1], 'also': [p[0].get('type', '?') for p in passed]}
                passed.append((self.record(s, got[0]), got[1]))
            j, how = passed[i][:2]
            if j.get('type') == step['event'] and all(dig(j, p) == v for p, v in where.items()):
                del passed[i]
                self.bind(step, j)
                return {'record': self.names.value(j), 'chunk': how, 'also': [p[0].get('type', '?') for p in passed[:i]]}
            i += 1

    def drain(self, step, seconds, until_end):
        s = self.streams.get(step['on'])
        if not s:
            return {'failed': 'no stream'}
        end, out = time.time() + seconds, [{'record': self.names.value(p[0]), 'chunk': p[1]} for p in s.passed if len(p) == 2]
        s.passed = [p[:2] + (True,) for p in s.passed if p[0].get('type') == 'OFFERS']      # a later step may want to take it
        while True:
            got = self.arrived(s, end)
            if got is None:
                return dict({'failed': 'stream still open'} if until_end else {}, records=out)
            if got[0] is None:
                return {'records': out, 'end': got[1]}
            j = self.record(s, got[0])
            out.append({'record': self.names.value(j), 'chunk': got[1]})
            if j.get('type') == 'OFFERS':
                s.passed.append((j, got[1], True))

    def do_collect(self, step):
        """Everything not taken yet and what comes within some seconds."""
        return self.drain(step, step['seconds'], False)

    def do_end(self, step):
        """The server is expected to end the stream."""
        return self.drain(step, step.get('timeout', 10), True)

    def do_close(self, step):
        s = self.streams.pop(step['on'], None)
        if s:
            s.conn.close()
        return {}

    def do_sleep(self, step):
        time.sleep(step['seconds'])
        return {}

    def do_learn(self, step):
        self.bind(step, self.ctx.get(step['to'], fill(step['path'], self.vars)))
        return {}

    def do_poll(self, step):
        """Repeats a GET until something holds (no comparison; only waits)."""
        end = time.time() + step.get('timeout', 15)
        while time.time() < end:
            j = self.ctx.get(step['to'], fill(step['path'], self.vars))
            v = dig(j, step['at']) if step['at'] else j
            if ('equals' in step and v == fill(step['equals'], self.vars)) or ('length' in step and v is not None and len(v) == step['length']):
                return {}
            time.sleep(0.15)
        return {'failed': 'never so'}

    def done(self):
        for s in self.streams.values():
            s.conn.close()
        self.streams = {}


def situations_for(name, table):
    """The chain of situations to go through: [fresh, running, after] up to name."""
    chain = []
    while name:
        chain.insert(0, name)
        name = table[name].get('after')
    return chain


def alive(ctx):
    for addr in ctx.addrs.values():
        try:
            Conn(addr, 3).close()
        except OSError:
            return False
    return True


def play(ctx, scenarios, table, on_result, revive=None):
    """Runs scenarios grouped by situation, in the order the situations build on each other.
    revive: called when a server died; brings it up again."""
    order = []
    for sc in scenarios:
        for n in situations_for(sc['situation'], table):
            if n not in order:
                order.append(n)
    base, used = Run(ctx), False
    for name in order:
        for st in table[name]['steps']:
            got = base.step(st)
            if 'failed' in got or got.get('status', 200) >= 400:
                on_result(None, [{'situation': name, 'step': {k: st[k] for k in ('do', 'on', 'event', 'where', 'path') if k in st}, 'got': got}])
                break
        for sc in scenarios:
            if sc['situation'] != name:
                continue
            if sc.get('fresh') and revive and used:
                revive()
            used = True
            if sc.get('after_run'):
                ctx.ran()
            run = Run(ctx, base)
            own = set(base.streams)
            results = []
            run.streams = dict(base.streams)
            for st in sc['steps']:
                results.append(run.step(st))
            for k in [k for k in run.streams if k not in own]:
                run.streams.pop(k).conn.close()
            if any(st['do'] == 'stream' for st in sc['steps']):
                time.sleep(0.2)
            if any(r.get('failed') == 'closed' for r in results):
                time.sleep(1.5)
            dead = revive and not sc.get('ends') and not alive(ctx)
            on_result(sc, results, *(['died'] if dead else []))
            if sc.get('ends') and revive:
                revive()
            if dead:
                revive()
                base.done()
                base = Run(ctx)
                for n in situations_for(name, table):
                    for st in table[n]['steps']:
                        base.step(st)
    base.done()


# ------------------------------------------------------------------ what is known to differ everywhere

def settled(v):
    """A result without what differs on purpose in nearly every exchange, so that the rest is compared all the better:
    Meseta's agents do not enforce limits of tasks yet and do not claim to (TASK_RESOURCE_LIMITS); its command executor
    labels the last status with what the task has used (meseta.…); and AgentInfo has no checkpoint in v1: Mesos lets a field
    of v0 slip into its JSON, which strict clients refuse."""
    if isinstance(v, list):
        return [settled(x) for x in v if x not in ('TASK_RESOURCE_LIMITS', {'type': 'TASK_RESOURCE_LIMITS'})]
    if not isinstance(v, dict):
        return v
    out = {}
    for k, x in v.items():
        if k in ('agent_info', 'info') and isinstance(x, dict) and 'hostname' in x:
            x = {key: value for key, value in x.items() if key != 'checkpoint'}
        if k == 'labels':
            inner = x.get('labels') if isinstance(x, dict) else x
            if isinstance(inner, list) and inner:
                rest = [l for l in inner if not (isinstance(l, dict) and str(l.get('key', '')).startswith('meseta.'))]
                if not rest:
                    continue
                x = dict(x, labels=rest) if isinstance(x, dict) else rest
        out[k] = settled(x)
    return out


# ------------------------------------------------------------------ comparing

NUMBER = re.compile(r'(?<=[\w-]):\d+>')


class Diff:
    def __init__(self):
        self.hard, self.soft = [], []

    def note(self, soft, where, want, got):
        (self.soft if soft else self.hard).append({'at': where, 'want': want, 'got': got})

    def same(self, want, got, where):
        d = Diff()
        d.value(want, got, where)
        return not d.hard

    def alike(self, want, got):
        """The things of got in the order of want, if all have names: what happened in another order is compared all the same."""
        name = lambda x: json.dumps(x['executor_info']['executor_id']) if isinstance(x, dict) and 'executor_id' in x.get('executor_info', {}) else None
        names, by = [name(x) for x in want], {name(x): x for x in got}
        return [by[n] for n in names] if len(by) == len(got) and set(names) == set(by) else got

    def value(self, want, got, where, loose=False):
        if isinstance(want, dict) and set(want) == {'text'} and isinstance(want['text'], str):
            if not (isinstance(got, dict) and set(got) == {'text'}):
                self.note(False, where, want, got)
            elif want != got:
                self.note(True, where, want['text'], got['text'])
        elif isinstance(want, dict) and isinstance(got, dict):
            loose = loose or where.endswith('.flags') or where.endswith('.metrics') or '.statistics' in where or 'resource_statistics' in where
            late = ('network_infos', 'executor_pid') if where.endswith('container_status') else ()     # depends on how fast the container is seen
            for k in want:
                if k not in got:
                    self.note(loose or k in late, where + '.' + k, want[k], 'absent')
                else:
                    self.value(want[k], got[k], where + '.' + k, loose)
            for k in got:
                if k not in want:
                    self.note(loose or k in late, where + '.' + k, 'absent', got[k])
        elif isinstance(want, list) and isinstance(got, list):
            if len(want) != len(got):
                self.note(False, where, '%d items' % len(want), '%d items: %s' % (len(got), json.dumps(got)[:300]))
                return
            if all(self.same(a, b, where) for a, b in zip(want, got)):
                for i, (a, b) in enumerate(zip(want, got)):
                    self.value(a, b, '%s[%d]' % (where, i), loose)
                return
            left = list(got)
            pairs = []
            for a in want:
                hit = next((b for b in left if self.same(a, b, where)), None)
                if hit is None:
                    pairs = None
                    break
                left.remove(hit)
                pairs.append((a, hit))
            if pairs is None:
                for i, (a, b) in enumerate(zip(want, self.alike(want, got))):
                    self.value(a, b, '%s[%d]' % (where, i), loose)
            else:
                self.note(True, where, 'order', 'another order')
        elif type(want) is type(got):
            if want != got:
                # Only the number of a placeholder differs: the same kind of id, seen in another order.
                if isinstance(want, str) and NUMBER.sub('>', want) == NUMBER.sub('>', got):
                    self.note(True, where, want, got)
                else:
                    self.note(loose, where, want, got)
        elif isinstance(want, (int, float)) and isinstance(got, (int, float)) and not isinstance(want, bool) and not isinstance(got, bool):
            self.note(want == got, where, want, got)
        else:
            self.note(loose, where, want, got)

    def records(self, want, got):
        """Streams: heartbeats and offers depend on time; the rest must come in the same order."""
        pick = lambda rs: [r for r in rs if r['record'].get('type') not in ('HEARTBEAT', 'OFFERS', 'RESCIND')]
        w, g = pick(want), pick(got)
        if [r['record'].get('type') for r in w] != [r['record'].get('type') for r in g]:
            self.note(False, 'records', [r['record'].get('type') for r in w], [r['record'].get('type') for r in g])
            return
        for i, (a, b) in enumerate(zip(w, g)):
            self.value(a['record'], b['record'], 'records[%d]' % i)
            if a['chunk'] != b['chunk']:
                self.note(a['chunk'] == 'joined' or b['chunk'] == 'joined', 'records[%d].chunk' % i, a['chunk'], b['chunk'])

    def step(self, step, want, got):
        do = step['do']
        if 'failed' in want or 'failed' in got:
            if want.get('failed') != got.get('failed'):
                self.note(False, do, want.get('failed', 'answered'), got.get('failed', 'answered'))
            return
        if do in ('http', 'stream'):
            if want['status'] != got['status']:
                self.note(False, 'status', want['status'], [got['status'], got.get('text', '')[:200]])
                return
            for k in sorted(set(want['headers']) | set(got['headers'])):
                if k == 'connection':
                    continue
                a, b = want['headers'].get(k), got['headers'].get(k)
                if k == 'content-length' and (a is None) == (b is None) and step.get('empty_ok', True):
                    # zero and non-zero length still differ
                    if (a == '0') != (b == '0'):
                        self.note('text' in want or 'text' in got, 'header ' + k, a, b)
                    continue
                if a != b:
                    self.note(False, 'header ' + k, a, b)
            if 'note' in want or 'note' in got:
                if want.get('note') != got.get('note'):
                    self.note(True, 'note', want.get('note'), got.get('note'))
            if 'jsonp' in want or 'jsonp' in got:
                if want.get('jsonp') != got.get('jsonp'):
                    self.note(False, 'jsonp', want.get('jsonp'), got.get('jsonp'))
            if 'json' in want:
                if 'json' not in got:
                    self.note(False, 'body', 'json', list(got))
                else:
                    self.value(want['json'], got['json'], 'body', loose=bool(step.get('metrics')))
            elif 'text' in want or 'text' in got:
                if step.get('any_text'):
                    if ('text' in want) != ('text' in got):
                        self.note(False, 'body', 'text' if 'text' in want else 'none', 'text' if 'text' in got else 'none')
                elif want.get('text') != got.get('text'):
                    self.note(want['status'] >= 400, 'text', want.get('text'), got.get('text', list(got)))
            elif 'json' in got:
                self.note(False, 'body', 'no json', got['json'])
        elif do == 'await':
            self.value(want['record'], got['record'], 'record')
            if want['chunk'] != got['chunk']:
                self.note('joined' in (want['chunk'], got['chunk']), 'chunk', want['chunk'], got['chunk'])
        elif do in ('collect', 'end'):
            self.records(want['records'], got['records'])
            if want.get('end') != got.get('end'):
                self.note(False, 'end of stream', want.get('end'), got.get('end'))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('paths', nargs='+')
    p.add_argument('--restart')
    p.add_argument('--only')
    p.add_argument('--report')
    p.add_argument('--show', type=int, default=60)
    here = os.path.dirname(os.path.abspath(__file__))
    p.add_argument('--wire', default=os.path.join(here, '../../messages/mesos/testdata'))
    a = p.parse_args()
    addrs = {k: os.environ[e] for k, e in (('master', 'MASTER'), ('agent', 'AGENT'), ('agent2', 'AGENT2'), ('auth', 'AUTH')) if os.environ.get(e)}
    codec = Codec(a.wire)
    files = []
    for path in a.paths:
        files += sorted(glob.glob(path + '/*.jsonl')) if os.path.isdir(path) else [path]
    total, shown, report = collections.Counter(), 0, open(a.report, 'w') if a.report else None
    print('%-24s %6s %6s %6s %6s' % ('file', 'steps', 'agree', 'exact', 'skip'))
    for f in files:
        lines = [json.loads(l) for l in open(f, encoding='utf-8')]
        table = json.load(open(os.path.join(os.path.dirname(f) or '.', 'situations.json'), encoding='utf-8'))
        count = collections.Counter()
        todo = []
        for sc in lines:
            if a.only and not re.search(a.only, sc['id']):
                continue
            if all(n in addrs for n in sc.get('needs', [])):
                todo.append(sc)
            else:
                count['skip'] += len(sc['steps'])
        if a.restart and todo:
            subprocess.run(a.restart, shell=True, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                           env=dict(os.environ, NEED=' '.join(sorted({n for sc in todo for n in sc.get('needs', [])}))))
        if not todo:
            continue
        needs = {n for sc in todo for n in sc.get('needs', [])}
        ctx = Context({k: v for k, v in addrs.items() if k in needs}, codec)
        if 'master' in needs:
            ctx.ready(30 if a.restart else 5)
        out = []

        def result(sc, got, died=None):
            if died:
                out.append(dict(kind='hard', id=sc['id'], title=sc['title'], step=-1, do='', at='a server died', want='', got=''))
            if sc is None:
                print('  situation not reached:', json.dumps(got)[:600])
                return
            for st, want, g in zip(sc['steps'], sc['results'], got):
                if st['do'] in ('close', 'sleep', 'poll', 'learn') and 'failed' not in g:
                    continue
                d = Diff()
                d.step(st, settled(want), settled(g))
                count['n'] += 1
                count['hard'] += bool(d.hard)
                count['soft'] += bool(d.soft) and not d.hard
                for kind in ('hard', 'soft'):
                    for x in getattr(d, kind):
                        out.append(dict(kind=kind, id=sc['id'], title=sc['title'], step=sc['steps'].index(st), do=st['do'], **x))
        def revive():
            subprocess.run(a.restart, shell=True, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                           env=dict(os.environ, NEED=' '.join(sorted({n for sc in todo for n in sc.get('needs', [])}))))
            ctx.ready(60)
        play(ctx, todo, table, result, revive if a.restart else None)
        n = max(count['n'], 1)
        print('%-24s %6d %5.1f%% %5.1f%% %6d' % (os.path.basename(f), count['n'], 100 * (n - count['hard']) / n,
                                                 100 * (n - count['hard'] - count['soft']) / n, count['skip']))
        sys.stdout.flush()
        total.update(count)
        for x in sorted(out, key=lambda x: x['kind']):
            if report:
                report.write(json.dumps(x) + '\n')
            if shown < a.show:
                shown += 1
                print('  %s %s #%d %s: want %s, got %s' % (x['kind'], x['id'], x['step'], x['at'], json.dumps(x['want'])[:160], json.dumps(x['got'])[:200]))
    n = max(total['n'], 1)
    print('%-24s %6d %5.1f%% %5.1f%% %6d' % ('all', total['n'], 100 * (n - total['hard']) / n, 100 * (n - total['hard'] - total['soft']) / n, total['skip']))
    sys.exit(1 if total['hard'] else 0)


if __name__ == '__main__':
    main()
