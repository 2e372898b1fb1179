# LemonLDAP::NG's portal as it is packaged, but for two things: the people in it, and the module that draws captchas,
# which the portal loads although nobody asks for captchas, and which needs a whole graphics library.
package Lemonldap::NG::Portal::Captcha::None;
use Mouse;
extends 'Lemonldap::NG::Portal::Main::Plugin';
sub init { 1 }
$INC{'Lemonldap/NG/Portal/Captcha/None.pm'} = __FILE__;

package main;
use JSON qw(decode_json);
use Lemonldap::NG::Portal::UserDB::Demo;
use Lemonldap::NG::Portal::Main;

%Lemonldap::NG::Portal::UserDB::Demo::demoAccounts = %{ decode_json( $ENV{KEYLEDGER_TEST_PEOPLE} ) };
Lemonldap::NG::Portal::Main->run( {} );
