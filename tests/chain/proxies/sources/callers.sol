// SPDX-License-Identifier: Apache-2.0
// Thin callers, so that a test can have the clones and accounts of libraries nobody here wrote (solady,
// clones-with-immutable-args, OpenZeppelin 5, erc6551, Synthetix V3).
pragma solidity ^0.8.20;

import {LibClone} from "solady/src/utils/LibClone.sol";
import {ERC1967Factory} from "solady/src/utils/ERC1967Factory.sol";
import {ClonesWithImmutableArgs} from "clones-with-immutable-args/ClonesWithImmutableArgs.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {UUPSProxy} from "@synthetixio/core-contracts/contracts/proxy/UUPSProxy.sol";
import {UUPSImplementation} from "@synthetixio/core-contracts/contracts/proxy/UUPSImplementation.sol";
import {ERC6551BytecodeLib} from "erc6551/lib/ERC6551BytecodeLib.sol";

contract Factory1967 is ERC1967Factory {}

contract Cloner {
    event Made(address made);

    function solady(address target) external {
        emit Made(LibClone.clone(target));
    }

    function soladyWithArguments(address target, bytes memory arguments) external {
        emit Made(LibClone.clone(target, arguments));
    }

    function soladyPush0(address target) external {
        emit Made(LibClone.clone_PUSH0(target));
    }

    function soladyERC1967(address target) external {
        emit Made(LibClone.deployERC1967(target));
    }

    function soladyERC1967I(address target) external {
        emit Made(LibClone.deployERC1967I(target));
    }

    function soladyBeacon(address beacon) external {
        emit Made(LibClone.deployERC1967BeaconProxy(beacon));
    }

    function immutableArguments(address target, bytes memory arguments) external {
        emit Made(ClonesWithImmutableArgs.clone(target, arguments));
    }

    function openZeppelin(address target) external {
        emit Made(Clones.clone(target));
    }

    function tokenBound(address target, bytes32 salt, uint256 chainId, address token, uint256 tokenId) external {
        bytes memory code = ERC6551BytecodeLib.getCreationCode(target, salt, chainId, token, tokenId);
        address made;
        assembly {
            made := create2(0, add(code, 0x20), mload(code), salt)
        }
        emit Made(made);
    }
}

contract SynthetixProxy is UUPSProxy {
    constructor(address target) UUPSProxy(target) {}
}

contract SynthetixUups is UUPSImplementation {
    function upgradeTo(address target) public override {
        _upgradeTo(target);
    }
}

contract Uups is UUPSUpgradeable {
    address public immutable owner = msg.sender;

    function _authorizeUpgrade(address) internal override {}
}
