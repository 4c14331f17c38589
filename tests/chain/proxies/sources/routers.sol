// SPDX-License-Identifier: Apache-2.0
// Thin callers, so that a test can have the routers of libraries nobody here wrote (thirdweb's dynamic-contracts, SolidState).
pragma solidity ^0.8.20;

import {Router} from "@thirdweb-dev/dynamic-contracts/src/core/Router.sol";
import {ExtensionManager} from "@thirdweb-dev/dynamic-contracts/src/presets/ExtensionManager.sol";
import {SolidStateDiamond} from "@solidstate/contracts/proxy/diamond/SolidStateDiamond.sol";

contract ExtendableRouter is Router, ExtensionManager {
    function getImplementationForFunction(bytes4 selector) public view override returns (address) {
        return getMetadataForFunction(selector).implementation;
    }

    function _isAuthorizedCallToUpgrade() internal pure override returns (bool) {
        return true;
    }
}

contract FallbackDiamond is SolidStateDiamond {}
