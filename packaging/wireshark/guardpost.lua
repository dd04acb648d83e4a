-- SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0
--
-- Shows captures of `guardpost trace -w FILE.pcapng`. The layout of a unit is that of
-- docs/trace.md, version 1; the messages are those of docs/protocol.md, section 6.
--
-- Arithmetic and no bit operations, which Lua 5.2 (Wireshark up to 4.2) and 5.4 spell differently.

local guardpost = Proto("guardpost", "guardpost line")

local KINDS = {
    [0] = "text", [1] = "noise", [2] = "hello", [3] = "handshake", [4] = "packet",
    [5] = "bad frame", [6] = "note",
}
local PROFILES = { [0] = "clean", [1] = "xonxoff", [2] = "console", [3] = "printable" }
local GOAWAY_CODES = {
    [0] = "done", [1] = "not-allowed", [2] = "busy", [3] = "superseded", [4] = "shutting-down",
    [5] = "protocol", [6] = "expired",
}
local RESET_CODES = {
    [0] = "cancelled", [1] = "refused", [2] = "unreachable", [3] = "timeout",
    [4] = "name-not-found", [5] = "not-allowed", [6] = "unsupported", [7] = "protocol",
    [8] = "limit", [9] = "failed", [10] = "not-found", [11] = "peer-reset", [12] = "bad-request",
}
local TYPES = {
    [0x00] = "PAD", [0x01] = "ACK", [0x02] = "PING", [0x03] = "WELCOME", [0x04] = "GOAWAY",
    [0x05] = "REKEY", [0x06] = "PROFILES", [0x07] = "SPEED", [0x08] = "DATA", [0x09] = "DATA", [0x0a] = "DATA", [0x0b] = "DATA",
    [0x10] = "OPEN", [0x11] = "ACCEPT", [0x12] = "RESET", [0x13] = "CREDIT",
    [0x14] = "CONNECTION_CREDIT",
}
local SPEED_STEPS = {
    [1] = "ask", [2] = "refuse", [3] = "agree", [4] = "here", [5] = "probe", [6] = "passed",
    [7] = "back",
}
local HANDSHAKES = {
    [1] = "message 1", [2] = "message 2", [3] = "message 3", [4] = "EVERY", [5] = "SWEEP",
    [6] = "SWEPT",
}
local DIRECTIONS = { [0] = "console to agent", [1] = "agent to console" }
local NO_PROFILE, HEAD, NOTE = 0xff, 20, 6

local function field(make, name, title, ...)
    local made = make("guardpost." .. name, title, ...)
    return made
end

local F = {
    version = field(ProtoField.uint8, "version", "Layout"),
    direction = field(ProtoField.uint8, "direction", "Direction", base.DEC, DIRECTIONS),
    opened = field(ProtoField.bool, "opened", "Opened"),
    withheld = field(ProtoField.bool, "withheld", "Contents withheld (no --plaintext)"),
    kind = field(ProtoField.uint8, "kind", "Kind", base.DEC, KINDS),
    profile = field(ProtoField.uint8, "profile", "Profile", base.DEC, PROFILES),
    line_bytes = field(ProtoField.uint32, "line_bytes", "Bytes on the line"),
    text = field(ProtoField.string, "text", "Text"),
    noise = field(ProtoField.bytes, "noise", "Bytes"),
    hello = field(ProtoField.string, "hello", "Hello"),
    hello_major = field(ProtoField.uint8, "hello.major", "Major version"),
    hello_role = field(ProtoField.string, "hello.role", "Role"),
    hello_to_agent = field(ProtoField.uint8, "hello.to_agent", "Profile to the agent",
        base.DEC, PROFILES),
    hello_to_console = field(ProtoField.uint8, "hello.to_console", "Profile to the console",
        base.DEC, PROFILES),
    hello_nonce = field(ProtoField.string, "hello.nonce", "Nonce"),
    handshake = field(ProtoField.uint8, "handshake", "Handshake", base.DEC, HANDSHAKES),
    handshake_noise = field(ProtoField.bytes, "handshake.noise", "Noise message"),
    phase = field(ProtoField.uint8, "packet.phase", "Key phase"),
    low = field(ProtoField.uint16, "packet.low", "Number, low 16 bits"),
    number = field(ProtoField.uint64, "packet.number", "Number"),
    sealed = field(ProtoField.bytes, "packet.sealed", "Sealed"),
    message = field(ProtoField.uint8, "message", "Message", base.HEX, TYPES),
    channel = field(ProtoField.uint64, "channel", "Channel"),
    offset = field(ProtoField.uint64, "offset", "Offset"),
    length = field(ProtoField.uint64, "length", "Length"),
    fin = field(ProtoField.bool, "fin", "FIN"),
    data = field(ProtoField.bytes, "data", "Data"),
    service = field(ProtoField.string, "service", "Service"),
    interactive = field(ProtoField.bool, "interactive", "Interactive"),
    compressed = field(ProtoField.bool, "compressed", "Compressed"),
    request = field(ProtoField.uint64, "request", "Length of the request"),
    reply = field(ProtoField.uint64, "reply", "Length of the reply"),
    reset = field(ProtoField.uint64, "reset", "Reset code", base.DEC, RESET_CODES),
    goaway = field(ProtoField.uint64, "goaway", "Code", base.DEC, GOAWAY_CODES),
    final = field(ProtoField.uint64, "final", "Credit used"),
    reason = field(ProtoField.string, "reason", "Text"),
    limit = field(ProtoField.uint64, "limit", "Limit"),
    acked = field(ProtoField.uint64, "ack.largest", "Largest acked"),
    clock = field(ProtoField.uint32, "ack.clock", "Clock, us"),
    delay = field(ProtoField.uint64, "ack.delay", "Delay, us"),
    ranges = field(ProtoField.string, "ack.ranges", "Acked"),
    step = field(ProtoField.uint8, "rekey.step", "Step"),
    speed_step = field(ProtoField.uint8, "speed.step", "Step", base.DEC, SPEED_STEPS),
    speed = field(ProtoField.uint64, "speed.value", "bit/s, or a probe's number"),
    settings = field(ProtoField.bytes, "welcome.settings", "Settings (msgpack)"),
}
local fields = {}
for _, each in pairs(F) do fields[#fields + 1] = each end
guardpost.fields = fields

local malformed = ProtoExpert.new("guardpost.malformed", "does not parse", expert.group.MALFORMED,
    expert.severity.ERROR)
guardpost.experts = { malformed }

-- A place in a buffer; every read moves it on, and fails beyond the end.
local Reader = {}
Reader.__index = Reader

function Reader.new(buffer, at) return setmetatable({ buffer = buffer, at = at }, Reader) end

function Reader:left() return self.buffer:len() - self.at end

function Reader:take(count)
    if count > self:left() then error("cut", 0) end
    local range = count > 0 and self.buffer(self.at, count) or nil
    self.at = self.at + count
    return range
end

function Reader:u8()
    local range = self:take(1)
    return range:uint(), range
end

function Reader:varint()
    local start, value, scale = self.at, 0, 1
    repeat
        local byte = self:take(1):uint()
        value = value + byte % 128 * scale
        scale = scale * 128
        if self.at - start > 9 then error("long varint", 0) end
    until byte < 128
    return value, self.buffer(start, self.at - start)
end

function Reader:add(tree, which)
    local value, range = self:varint()
    tree:add(which, range, UInt64.new(value % 4294967296, math.floor(value / 4294967296)))
    return value
end

function Reader:add_text(tree, which)
    local length = self:u8()
    local range = self:take(length)
    local text = range and range:string(ENC_UTF_8) or ""
    if range then tree:add(which, range, text) end
    return text
end

local messages = {}

messages[0x01] = function(r, tree)
    local largest = r:add(tree, F.acked)
    tree:add_le(F.clock, r:take(4))
    r:add(tree, F.delay)
    local start = r.at
    local count, stop = r:varint(), largest
    local first = r:varint()
    local said = first == 0 and tostring(stop) or (stop - first) .. "-" .. stop
    local bottom = stop - first
    for _ = 1, count do
        local above = bottom - r:varint() - 2
        local run = r:varint()
        bottom = above - run
        said = said .. "," .. (run == 0 and tostring(above) or bottom .. "-" .. above)
    end
    tree:add(F.ranges, r.buffer(start, r.at - start), said)
    return said
end

messages[0x02] = function() return "" end

messages[0x03] = function(r, tree)
    local length = r:varint()
    local range = r:take(length)
    if range then tree:add(F.settings, range) end
    return length .. " B"
end

messages[0x04] = function(r, tree)
    local code = r:add(tree, F.goaway)
    return (GOAWAY_CODES[code] or code) .. " " .. r:add_text(tree, F.reason)
end

messages[0x05] = function(r, tree)
    local step, range = r:u8()
    tree:add(F.step, range)
    local length = r:varint()
    local noise = r:take(length)
    if noise then tree:add(F.handshake_noise, noise) end
    return tostring(step)
end

messages[0x06] = function(r, tree)
    local said = {}
    for _, which in ipairs({ F.hello_to_agent, F.hello_to_console }) do
        local profile, range = r:u8()
        tree:add(which, range)
        said[#said + 1] = PROFILES[profile] or tostring(profile)
    end
    return table.concat(said, " ")
end

messages[0x07] = function(r, tree)
    local step, range = r:u8()
    tree:add(F.speed_step, range)
    local value = r:add(tree, F.speed)
    return (SPEED_STEPS[step] or step) .. " " .. value .. " " .. r:add_text(tree, F.reason)
end

local function data(head)
    return function(r, tree)
        local fin, counted = head % 2 == 1, head >= 0x0a
        local channel, offset = r:add(tree, F.channel), r:add(tree, F.offset)
        local length = counted and r:add(tree, F.length) or r:left()
        local range = r:take(length)
        if not counted then tree:add(F.length, UInt64.new(length, 0)):set_generated() end
        tree:add(F.fin, fin):set_generated()
        if range then tree:add(F.data, range) end
        return channel .. " +" .. offset .. " " .. length .. " B" .. (fin and " FIN" or "")
    end
end
for head = 0x08, 0x0b do messages[head] = data(head) end

messages[0x10] = function(r, tree)
    local channel = r:add(tree, F.channel)
    local flags, range = r:u8()
    tree:add(F.interactive, range, flags % 2 == 1)
    tree:add(F.compressed, range, math.floor(flags / 2) % 2 == 1)
    r:add(tree, F.request)
    return channel .. " " .. r:add_text(tree, F.service)
end

messages[0x11] = function(r, tree)
    local channel = r:add(tree, F.channel)
    r:add(tree, F.reply)
    return tostring(channel)
end

messages[0x12] = function(r, tree)
    local channel, code = r:add(tree, F.channel), r:add(tree, F.reset)
    r:add(tree, F.final)
    return channel .. " " .. (RESET_CODES[code] or code) .. " " .. r:add_text(tree, F.reason)
end

messages[0x13] = function(r, tree)
    return r:add(tree, F.channel) .. " up to " .. r:add(tree, F.limit)
end

messages[0x14] = function(r, tree) return "up to " .. r:add(tree, F.limit) end

local function dissect_messages(buffer, at, tree)
    local r, said = Reader.new(buffer, at), {}
    while r:left() > 0 do
        local start = r.at
        local head, range = r:u8()
        local name = TYPES[head]
        if head ~= 0 then
            local branch = tree:add(F.message, range)
            local read = messages[head]
            if not read then error("unknown message", 0) end
            local text = read(r, branch)
            branch:set_len(r.at - start)
            branch:append_text(" " .. text)
            said[#said + 1] = text == "" and name or name .. " " .. text
        end
    end
    return table.concat(said, "; ")
end

local bodies = {}

local function dissect_text(body, tree)
    if not body then return "" end
    local text = body:string(ENC_UTF_8)
    tree:add(F.text, body, text)
    return text
end
bodies[0], bodies[6] = dissect_text, dissect_text

local function dissect_noise(body, tree)
    if not body then return "" end
    tree:add(F.noise, body)
    return body:len() .. " bytes"
end
bodies[1], bodies[5] = dissect_noise, dissect_noise

bodies[2] = function(body, tree)
    if not body or body:len() ~= 41 then error("cut", 0) end
    local text = body:string()
    local role = text:sub(8, 8) == "1" and "agent" or "console"
    tree:add(F.hello, body, text)
    tree:add(F.hello_major, body(5, 2), tonumber(text:sub(6, 7)) or 0)
    tree:add(F.hello_role, body(7, 1), role)
    tree:add(F.hello_to_agent, body(8, 1), tonumber(text:sub(9, 9)) or NO_PROFILE)
    tree:add(F.hello_to_console, body(9, 1), tonumber(text:sub(10, 10)) or NO_PROFILE)
    tree:add(F.hello_nonce, body(10, 20), text:sub(11, 30))
    return "of " .. role
end

bodies[3] = function(body, tree)
    if not body then error("cut", 0) end
    tree:add(F.handshake, body(0, 1))
    if body:len() > 1 then tree:add(F.handshake_noise, body(1)) end
    local kind = body(0, 1):uint()
    return HANDSHAKES[kind] or tostring(kind)
end

bodies[4] = function(body, tree)
    if not body or body:len() < 19 then error("cut", 0) end
    tree:add(F.phase, body(0, 1), body(0, 1):uint() % 2)
    tree:add_le(F.low, body(1, 2))
    tree:add(F.sealed, body(3))
    return ".." .. string.format("%04x", body(1, 2):le_uint()) .. " " .. body:len() .. " B"
end

local function dissect_unit(buffer, pinfo, tree)
    local flags, kind, profile = buffer(1, 1):uint(), buffer(2, 1):uint(), buffer(3, 1):uint()
    local from_agent = flags % 2
    local opened = math.floor(flags / 2) % 2 == 1
    local length = buffer(16, 4):le_uint()
    tree:add(F.version, buffer(0, 1))
    if kind ~= NOTE then
        pinfo.cols.src = from_agent == 1 and "agent" or "console"
        pinfo.cols.dst = from_agent == 1 and "console" or "agent"
        tree:add(F.direction, buffer(1, 1), from_agent)
    end
    tree:add(F.opened, buffer(1, 1), opened)
    if opened then tree:add(F.withheld, buffer(1, 1), math.floor(flags / 4) % 2 == 1) end
    tree:add(F.kind, buffer(2, 1))
    if profile ~= NO_PROFILE then tree:add(F.profile, buffer(3, 1)) end
    tree:add_le(F.line_bytes, buffer(4, 4))
    if length > buffer:len() - HEAD then error("cut", 0) end
    local body = length > 0 and buffer(HEAD, length) or nil
    local info = bodies[kind] and bodies[kind](body, tree) or ""
    if opened then
        tree:add_le(F.number, buffer(8, 8))
        info = tostring(buffer(8, 8):le_uint64())
            .. "  " .. dissect_messages(buffer, HEAD + length, tree)
    end
    return (KINDS[kind] or "unknown") .. " " .. info
end

function guardpost.dissector(buffer, pinfo, root)
    pinfo.cols.protocol = "guardpost"
    local tree = root:add(guardpost, buffer())
    if buffer:len() < HEAD or buffer(0, 1):uint() ~= 1 then
        tree:add_proto_expert_info(malformed, "not a unit of layout 1")
        return 0
    end
    local good, said = pcall(dissect_unit, buffer, pinfo, tree)
    if not good then tree:add_proto_expert_info(malformed, tostring(said)) end
    pinfo.cols.info = said
    return buffer:len()
end

DissectorTable.get("wtap_encap"):add((wtap_encaps or wtap).USER0, guardpost)
