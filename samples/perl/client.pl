# Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
#
#   build/client register http://10.0.0.5:5000/v3
#   build/client report VIM_ID
#
# Without a library for gRPC: JSON does for people's calls. Reports have no JSON, and go as gRPC-Web, which is a POST of a
# message behind five bytes.
use v5.36;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $CALL_LIMIT_S    = 10;
my $SILENCE_S       = 20;    # a conductor sends something every 5 s
my $FIRST_PAUSE_S   = 0.1;
my $LONGEST_PAUSE_S = 2;
my ($REACHABLE, $OK, $UNAVAILABLE) = (2, 0, 14);

# The conductor or the connection failed: another attempt may find another conductor. HTTP::Tiny says 599 for itself.
my %PASSING_HTTP = map { $_ => 1 } 429, 500, 502, 503, 504, 599;
my %PASSING_GRPC = map { $_ => 1 } 1, 2, 4, 8, 13, $UNAVAILABLE;

my $folder = $ENV{VIMESH_CREDENTIALS} // '';
my $front  = ($folder ? 'https://' : 'http://') . ($ENV{VIMESH_ADDRESS} // '127.0.0.1:7600');
$| = 1;

sub http ($timeout_s) {
    my %tls = (SSL_ca_file => "$folder/ca.crt", SSL_cert_file => "$folder/tls.crt", SSL_key_file => "$folder/tls.key");
    return HTTP::Tiny->new(
        timeout => $timeout_s,
        # The front is nearby. A proxy set in the environment is meant for remote hosts.
        proxy => undef, http_proxy => undef, https_proxy => undef,
        $folder ? (verify_SSL => 1, SSL_options => \%tls) : (),
    );
}

sub uuid () {
    open my $file, '<', '/proc/sys/kernel/random/uuid' or die "no UUID: $!\n";
    chomp(my $id = <$file>);
    return $id;
}

# Returns a function that pauses for longer each time, and begins anew when it gets a true value.
sub backoff () {
    my $next_s = $FIRST_PAUSE_S;
    return sub ($reset = 0) {
        if ($reset) { $next_s = $FIRST_PAUSE_S; return }
        sleep $next_s;
        $next_s = $next_s * 2 < $LONGEST_PAUSE_S ? $next_s * 2 : $LONGEST_PAUSE_S;
    };
}

sub register ($auth_url) {
    my $request = encode_json({
        vim => { name => 'sample-' . uuid(), type => 'openstack', auth_url => $auth_url },
        engine => 'EXTERNAL',
        # Repeating the call with the same request_id is answered with the same VIM.
        request_id => uuid(),
    });
    my $backoff = backoff();
    for my $attempt (1 .. 4) {
        my $answer = http($CALL_LIMIT_S)->post("$front/v1/vims",
            { content => $request, headers => { 'content-type' => 'application/json' } });
        return decode_json($answer->{content})->{vim} if $answer->{success};
        die "$answer->{status}: $answer->{content}\n" if !$PASSING_HTTP{ $answer->{status} } || $attempt == 4;
        $backoff->();
    }
}

# Prints every change from the one after the registration on, across disconnects, until the VIM is deregistered.
sub follow ($vim) {
    my ($start, $log_id, $deregistered) = ($vim->{revision} + 1, '', 0);
    my $backoff = backoff();
    until ($deregistered) {
        my ($rest, $aged) = ('', 0);
        my $take = sub ($bytes, $) {
            $rest .= $bytes;
            # Each message is a line.
            while ($rest =~ s/\A([^\n]*)\n//) {
                my $message = decode_json($1);
                $backoff->(1);
                for my $event (@{ $message->{events} // [] }) {
                    say join ' ', grep { length } $event->@{qw(revision kind status reason)};
                    $deregistered = 1 if $event->{kind} eq 'DEREGISTERED';
                }
                $log_id = $message->{log_id} if $message->{log_id};
                $start  = $message->{revision} + 1 if $message->{revision};
                $aged   = ($message->{end} // '') eq 'WATCH_END_AGED';
            }
            die "enough\n" if $deregistered;    # ends the request
        };
        my $path   = "/v1/vims:watch?vim_id=$vim->{id}&start_revision=$start" . ($log_id ? "&log_id=$log_id" : '');
        my $answer = http($SILENCE_S)->get("$front$path", { data_callback => $take });
        last if $deregistered || $aged && next;
        die "$answer->{status}: $answer->{content}\n" if !$answer->{success} && !$PASSING_HTTP{ $answer->{status} };
        # In JSON, a stream that broke looks like one that has ended.
        warn "goes on after: $answer->{status} $answer->{reason}\n";
        $backoff->();
    }
}

# --- protobuf, as far as a report needs it -----------------------------------------------------------------

sub varint ($number) {
    my $bytes = '';
    while ($number > 127) { $bytes .= chr($number & 127 | 128); $number >>= 7 }
    return $bytes . chr $number;
}

sub number_field ($field, $number) { return varint($field << 3) . varint($number) }
sub text_field ($field, $text)     { return varint($field << 3 | 2) . varint(length $text) . $text }

# Returns the last value of each field: a number, or bytes.
sub fields ($bytes) {
    my %fields;
    my $read = sub {
        my ($number, $shift) = (0, 0);
        while (1) {
            my $byte = ord substr $bytes, 0, 1, '';
            $number |= ($byte & 127) << $shift;
            return $number if $byte < 128;
            $shift += 7;
        }
    };
    while (length $bytes) {
        my $tag = $read->();
        my $kind = $tag & 7;
        $fields{ $tag >> 3 } = $kind == 0 ? $read->() : $kind == 2 ? substr($bytes, 0, $read->(), '') : die "field of kind $kind\n";
    }
    return \%fields;
}

# Makes a call by gRPC-Web; returns its code, its message for people, and the fields of its response.
sub call ($method, $request) {
    my $answer = http($CALL_LIMIT_S)->post("$front/$method", {
        content => pack('C N/a*', 0, $request),
        headers => { 'content-type' => 'application/grpc-web+proto', 'grpc-timeout' => "${CALL_LIMIT_S}S" },
    });
    return $UNAVAILABLE, "$answer->{status} $answer->{reason}", {} unless $answer->{success};
    my ($code, $why, $message) = ($answer->{headers}{'grpc-status'}, $answer->{headers}{'grpc-message'}, '');
    my $frames = $answer->{content};
    while (length $frames) {
        my ($flags, $frame) = unpack 'C N/a*', $frames;
        substr $frames, 0, 5 + length $frame, '';
        if ($flags & 128) {    # what gRPC sends as trailers
            ($code) = $frame =~ /^grpc-status:\s*(\d+)/mi;
            ($why)  = $frame =~ /^grpc-message:\s*([^\r\n]*)/mi;
        }
        else { $message = $frame }
    }
    return $code // $UNAVAILABLE, $why // 'no status', fields($message);
}

# Reports until the ping action is not wanted any more: nothing else may end it.
sub report ($vim_id) {
    # It grows with each new verdict, also across restarts of this program.
    my $observation = int(time * 1000);
    my $backoff     = backoff();
    while (1) {
        my $request = text_field(1, $vim_id)
            . number_field(2, $REACHABLE)    # here the cloud would be asked
            . text_field(3, $vim_id)         # the action of a VIM that was registered with the engine EXTERNAL
            . number_field(4, $observation);
        my ($code, $why, $response) = call('vimesh.v1.ConductorService/UpdateVim', $request);
        if ($code != $OK) {
            die "code $code: $why\n" unless $PASSING_GRPC{$code};
            warn "reports again after: $why\n";
            $backoff->();
            next;
        }
        $backoff->(1);
        return if defined $response->{2};    # bad_action
        if (($response->{4} // 0) >= $observation) { $observation = $response->{4} + 1; next }
        my $within = fields($response->{3} // '');
        # Half of the time is left for a report that has to be sent again.
        sleep((($within->{1} // 0) + ($within->{2} // 0) / 1e9) / 2);
    }
}

my ($command, $argument) = @ARGV;
if (@ARGV != 2 || $command !~ /\A(?:register|report)\z/) {
    say STDERR 'usage: client register AUTH_URL | report VIM_ID';
    exit 2;
}
if ($command eq 'register') {
    my $vim = register($argument);
    say "$vim->{revision} REGISTERED $vim->{status} $vim->{id}";
    follow($vim);
}
else {
    report($argument);
    say 'bad_action: not wanted any more';
}
