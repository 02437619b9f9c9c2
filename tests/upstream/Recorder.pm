# Loaded into PostgreSQL's tests by run.py (perl -MRecorder): after each command that a test has run, one comment in its
# TAP output that holds, as JSON, the command, its wait status and its standard error. What else it changes: a command's
# input comes from a file, and wait_for_log.
package Recorder;

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use Test::More ();

my $json = JSON::PP->new->ascii->canonical;
my $run = \&IPC::Run::run;
my $refused = 0;

sub record
{
	my ($status, @arguments) = @_;
	my ($command) = grep { ref eq 'ARRAY' } @arguments;
	my $errors;
	foreach my $i (0 .. $#arguments - 1)
	{
		my ($word, $next) = @arguments[ $i, $i + 1 ];
		$errors = ${$next} if !ref $word && $word eq '2>' && ref $next eq 'SCALAR';
	}
	$refused = defined $errors && $errors =~ /pganchor refused this connection/;
	Test::More->builder->note('recorded ' . $json->encode([ $command, $status, $errors ]));
	return;
}

# IPC::Run gives up where a command ends before it has read all that is written to it ("ack Broken pipe"). psql does so
# when it cannot connect; whether in time is a race, which a refusal, being quick, wins more often than others.
sub with_input_from_file
{
	my @arguments = @_;
	foreach my $i (0 .. $#arguments - 1)
	{
		my ($word, $next) = @arguments[ $i, $i + 1 ];
		next if ref $word || $word ne '<' || ref $next ne 'SCALAR';
		open my $file, '+>', undef or die "no temporary file: $!";
		print {$file} ${$next} // '';
		seek $file, 0, 0 or die "no temporary file: $!";
		$arguments[ $i + 1 ] = $file;
	}
	return @arguments;
}

{
	no warnings 'redefine';
	*IPC::Run::run = sub {
		my $result = $run->(with_input_from_file(@_));
		my ($status, $error) = ($?, $!);
		record($status, @_);
		($?, $!) = ($status, $error);
		return $result;
	};
}

# PostgreSQL 18 waits for the server's word on a connection that is to fail; of one that the gate has refused the server
# has never heard, and the test would wait until it gives up.
INIT
{
	my $wait = PostgreSQL::Test::Cluster->can('wait_for_log');
	if ($wait)
	{
		no warnings 'redefine';
		*PostgreSQL::Test::Cluster::wait_for_log = sub {
			return $refused ? undef : $wait->(@_);
		};
	}
}

1;
