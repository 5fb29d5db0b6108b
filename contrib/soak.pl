# SPDX-License-Identifier: MIT
# The load of contrib/soak: submits runs, is the agent of their tasks, and measures.
#   soak.pl FOLDER PID-OF-REEVED TASKS FIRST
use strict;
use warnings;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);

my ($work, $pid, $tasks, $first) = @ARGV;
my $window = 2000;    # tasks under way at most
my $kept = 1000;      # retention.runs
my ($submitted, $done, $extra) = (0, 0, 0);
my $began = time;

# --- redis ---------------------------------------------------------------------------------
sub dial {
	my ($path) = @_;
	for (1 .. 200) {
		my $s = IO::Socket::UNIX->new($path);
		return $s if $s;
		sleep 0.1;
	}
	die "soak: nobody listens at $path\n";
}
my $redis = dial("$work/redis.sock");
binmode $redis;

sub put {
	print $redis join '', map {
		my @w = @$_;
		'*' . @w . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" } @w
	} @_;
	$redis->flush;
}

sub reply {
	my $line = <$redis>;
	defined $line or die "soak: redis went away\n";
	$line =~ s/\r\n//;
	my $type = substr $line, 0, 1, '';
	die "soak: redis: $line\n" if $type eq '-' && $line !~ /^NOGROUP/;
	return [map { reply() } 1 .. $line] if $type eq '*' && $line >= 0;
	return undef if $line eq '-1' || $type eq '-';
	return $line if $type ne '$';
	read $redis, my $text, $line + 2;
	return substr $text, 0, $line;
}

sub call {
	put([@_]);
	return reply();
}

# --- reeved ----------------------------------------------------------------------------------
my $http;

sub ask {
	my ($method, $path, $body) = @_;
	$http ||= dial("$work/state/reeve.sock");
	$body = '' unless defined $body;
	print $http "$method $path HTTP/1.1\r\nHost: localhost\r\n"
	    . "Content-Type: application/json\r\nContent-Length: " . length($body)
	    . "\r\n\r\n$body";
	$http->flush;
	my ($status, $length) = (0, 0);
	while (defined(my $line = <$http>)) {
		$status = $1 if $line =~ m{^HTTP/1.1 (\d+)};
		$length = $1 if $line =~ /^Content-Length: (\d+)/i;
		last if $line eq "\r\n";
	}
	my $text = '';
	read $http, $text, $length if $length;
	return ($status, $text);
}

sub metric {
	my ($name) = @_;
	my (undef, $text) = ask('GET', '/metrics');
	return $text =~ /^\Q$name\E (\d+)/m ? $1 : -1;
}

# 240 runs of one task, 10 of twelve, and one of a definition that nobody else has
sub submit {
	my @runs = ('{"workflow":"one"}') x 240;
	push @runs, ('{"workflow":"fan"}') x 10;
	$extra++;
	push @runs, qq({"source":"name: extra\\ntasks: [{id: a, agent: soak, prompt: \\"$extra\\"}]"});
	my ($status, $text) = ask('POST', '/api/v1/runs', '[' . join(',', @runs) . ']');
	die "soak: reeved answers $status: $text\n" if $status != 201;
	$submitted += 240 + 120 + 1;
}

# --- the agent ----------------------------------------------------------------------------------
sub work {
	my $r = call('XREADGROUP', 'GROUP', 'soak_consumers', 'soak', 'COUNT', 200, 'BLOCK', 100,
		'STREAMS', 'reeve:{0}:q:soak', '>');
	return unless ref $r;
	my @entries = map { +{ @{ $_->[1] } } } @{ $r->[0][1] };
	put(map { ['XADD', 'reeve:{0}:done', '*', 'run', $_->{run}, 'task', $_->{task}, 'token',
		$_->{token}, 'status', 'done', 'outputs', '{"k":"v"}'] } @entries);
	reply() for @entries;
	$done += @entries;
}

sub load_to {
	my ($wanted) = @_;
	while ($done < $wanted || $done < $submitted) {
		submit() if $submitted < $wanted && $submitted - $done < $window;
		work();
	}
}

# --- measuring ------------------------------------------------------------------------------------
sub settle {
	my $deadline = time + 60;
	until (metric('reeve_runs_live') == 0 && metric('reeve_runs_stored') <= $kept) {
		die "soak: runs are not removed\n" if time > $deadline;
		sleep 0.1;
	}
}

sub status_kb {
	my ($field) = @_;
	open my $f, '<', "/proc/$pid/status" or die "soak: reeved ended\n";
	for (<$f>) { return $1 if /^\Q$field\E:\s+(\d+) kB/ }
	return 0;
}

sub measure {
	settle();
	my %now = (tasks => $done, rss => status_kb('RssAnon'));
	my $info = call('INFO', 'memory');
	($now{memory}) = $info =~ /^used_memory:(\d+)/m;
	$now{memory} = int($now{memory} / 1024);
	$now{keys} = call('DBSIZE');
	opendir my $d, "/proc/$pid/fd" or die "soak: reeved ended\n";
	$now{fds} = grep { /^\d+$/ } readdir $d;
	printf "%10d  %8.0f  %12d  %14d  %6d  %4d\n", $done, $done / (time - $began), $now{rss},
	    $now{memory}, $now{keys}, $now{fds};
	return \%now;
}

$| = 1;
for my $path ('/ready', '/api/v1/workflows/fan') {
	for (1 .. 300) {
		my ($status) = ask('GET', $path);
		last if $status == 200;
		sleep 0.1;
	}
}
printf "%10s  %8s  %12s  %14s  %6s  %4s\n", 'tasks', 'tasks/s', 'reeved, KiB', 'redis, KiB',
    'keys', 'fds';
load_to($first);
my $start = measure();
my $end = $start;
for my $part (1 .. 8) {
	load_to($first + int(($tasks - $first) * $part / 8));
	$end = measure();
}

# What the end may have more than the beginning: noise of allocators, runs that are kept.
my %most = (
	rss => $start->{rss} * 1.15 + 2048,
	memory => $start->{memory} * 1.15 + 2048,
	keys => $start->{keys} * 1.05 + 20,
	fds => $start->{fds} + 2,
);
my $grown = 0;
for my $what (sort keys %most) {
	next if $end->{$what} <= $most{$what};
	print "$what grew: $start->{$what} -> $end->{$what}, at most $most{$what}\n";
	$grown = 1;
}
print "nothing grew\n" unless $grown;
exit $grown;
